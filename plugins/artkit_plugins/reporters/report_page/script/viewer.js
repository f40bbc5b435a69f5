// The images behind a number: tiles, and the dialog that shows those of a pair or of a class.
const viewer = document.getElementById("viewer");
const viewerTitle = document.getElementById("viewer-title");
const viewerBody = viewer.querySelector(".viewer-body");

function pictureOf(image, text) {
  const source = `data:image/jpeg;base64,${data.pictures[image.picture]}`;
  return make("img", { src: source, width: 96, height: 96, alt: text, title: image.file });
}

/** One image with what was said of it. */
function tile(answers, image) {
  const isRight = image.truth === image.said;
  const said = isRight ? "recognised" : `said ${answers.name(image.said)}`;
  const file = image.file.split("/").pop();
  return make("figure", { class: `tile ${isRight ? "right" : "wrong"}` },
    pictureOf(image, `${file}, of ${answers.name(image.truth)}: ${said}`),
    make("figcaption", {},
      make("span", {}, make("b", { class: "sign", "aria-hidden": "true" }, isRight ? "✓" : "✗"),
        ` ${image.pSaid.toFixed(2)} ${isRight ? "right" : "wrong"}`),
      isRight ? "" : make("span", { class: "other", title: said }, said),
      make("span", { class: "faint", title: image.file }, file)));
}

/** A heading, how many of how many are shown, and tiles. */
function group(answers, title, shown, number, most) {
  const part = shown.slice(0, most);
  const told = number === 0 ? "none" : part.length === number ? images(number)
    : `${count(part.length)} of ${images(number)} shown`;
  return make("div", { class: "group" }, make("h4", {}, title), make("p", {}, told),
    make("div", { class: "tiles" }, ...part.map((image) => tile(answers, image))));
}

/** The three groups of a pair: other images of A, those of A taken for B, and images of B; recognised ones first. */
function pairGroups(answers, truth, said, most) {
  const [a, b] = [answers.name(truth), answers.name(said)];
  const number = answers.number(truth, said);
  const others = answers.of(truth).filter((image) => image.said !== said);
  return [
    group(answers, a, others, answers.support(truth) - number, most),
    group(answers, `${a}, taken for ${b}`, answers.shown(truth, said), number, most),
    group(answers, b, answers.of(said), answers.support(said), most),
  ];
}

function showViewer(title, ...content) {
  viewerTitle.textContent = title;
  viewerBody.replaceChildren(...content);
  viewer.showModal();
  viewer.scrollTop = 0;
}

function share(answers, truth, said) {
  const [number, of] = [answers.number(truth, said), answers.support(truth)];
  return `${count(number)} of ${images(of)}${of ? ` (${percent(number / of)})` : ""}`;
}

function openPair(answers, truth, said) {
  if (truth === said) {
    openClass(answers, truth);
    return;
  }
  const [a, b] = [answers.name(truth), answers.name(said)];
  showViewer(`${a} taken for ${b}`,
    make("p", {}, `${share(answers, truth, said)} of ${a}; the other way round ${share(answers, said, truth)} of ${b}. `,
      make("span", { class: "faint" }, `In training: ${count(answers.train(truth))} and ${count(answers.train(said))}.`)),
    make("div", { class: "groups" }, ...pairGroups(answers, truth, said, Infinity)));
}

function openClass(answers, number) {
  const name = answers.name(number);
  const [recall, low, high] = answers.classes.recall[number];
  const of = answers.support(number);
  const missed = answers.images.filter((image) => image.truth === number && image.said !== number);
  const taken = answers.images.filter((image) => image.said === number && image.truth !== number);
  let claimed = 0;
  for (const [, said, wrong] of answers.mistakes) if (said === number) claimed += wrong;
  const right = answers.number(number, number);
  showViewer(name,
    make("p", {}, of ? `Recognised ${share(answers, number, number)}, 95 % interval ${percent(low)} to ${percent(high)}; `
      : "No test image; ", `precision ${percent(answers.classes.precision[number])}. `,
    make("span", { class: "faint" }, `In training: ${images(answers.train(number))}.`)),
    group(answers, "Recognised", answers.shown(number, number), right, Infinity),
    group(answers, `Images of ${name} taken for others`, missed, of - right, Infinity),
    taken.length || claimed ? takenGroup(answers, name, taken, claimed) : "");
}

/** Images of other classes: their captions say whose they are. */
function takenGroup(answers, name, taken, claimed) {
  const whole = group(answers, `Others taken for ${name}`, taken, claimed, Infinity);
  whole.querySelectorAll(".tile").forEach((element, place) => {
    const truth = answers.name(taken[place].truth);
    const line = element.querySelector(".other");
    line.textContent = line.title = `is ${truth}`;
  });
  return whole;
}

viewer.querySelector(".close").addEventListener("click", () => viewer.close());
// A click beside the dialog falls on the dialog itself.
viewer.addEventListener("click", (event) => {
  if (event.target === viewer) viewer.close();
});
