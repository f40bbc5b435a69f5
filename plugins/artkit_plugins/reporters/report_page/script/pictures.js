// Images in the text: beside each confused pair, each high loss, and each copy of a training image.
const isNarrow = matchMedia("(max-width: 700px)").matches;

for (const section of document.querySelectorAll("section.target")) {
  const answers = targets[section.dataset.target];
  if (answers.images.length === 0) continue;
  for (const pair of section.querySelectorAll(".pairs > li")) {
    const [truth, said] = [Number(pair.dataset.true), Number(pair.dataset.said)];
    pair.querySelector(".groups").append(...pairGroups(answers, truth, said, isNarrow ? 2 : 3));
    pair.append(make("button", { type: "button", onclick: () => openPair(answers, truth, said) }, "all their images"));
  }
  for (const item of section.querySelectorAll(".losses > li, .copies > li")) {
    const image = answers.byRow.get(Number(item.dataset.row));
    if (image) item.querySelector(".place").append(pictureOf(image, image.file));
  }
}
