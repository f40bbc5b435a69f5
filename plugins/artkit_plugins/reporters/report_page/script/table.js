// Tables of classes: a heading sorts, a text and a check box filter, a class shows its images.
function sortTable(table, heading) {
  const column = heading.cellIndex;
  const isNumber = heading.dataset.sort === "number";
  const before = heading.getAttribute("aria-sort");
  const direction = before ? (before === "ascending" ? "descending" : "ascending") : isNumber ? "descending" : "ascending";
  for (const each of heading.parentElement.cells) each.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const value = (row) => row.cells[column].dataset.value;
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => {
    const [one, other] = [value(a), value(b)];
    // Classes without test images have no value, and stand last in either direction.
    if (one === "" || other === "") return (one === "") - (other === "");
    return sign * (isNumber ? one - other : one.localeCompare(other, "en", { numeric: true }));
  });
  table.tBodies[0].append(...rows);
}

function filterTable(section) {
  const wanted = section.querySelector(".find").value.trim().toLocaleLowerCase();
  const isFaulty = section.querySelector(".faulty").checked;
  const rows = [...section.querySelector(".sortable").tBodies[0].rows];
  for (const row of rows) {
    const name = row.cells[0].dataset.value.toLocaleLowerCase();
    row.hidden = !name.includes(wanted) || (isFaulty && row.dataset.mistakes === "0");
  }
  const left = rows.filter((row) => !row.hidden).length;
  section.querySelector(".found").value = left === rows.length ? `${count(left)} classes` : `${count(left)} of ${count(rows.length)} classes`;
}

for (const section of document.querySelectorAll("section.target")) {
  const answers = targets[section.dataset.target];
  const table = section.querySelector(".sortable");
  for (const heading of table.querySelectorAll("th[data-sort]")) {
    heading.replaceChildren(make("button", { type: "button", onclick: () => sortTable(table, heading) }, heading.textContent));
  }
  for (const row of table.tBodies[0].rows) {
    const name = row.cells[0];
    const open = () => openClass(answers, Number(row.dataset.class));
    name.replaceChildren(make("button", { type: "button", onclick: open }, name.textContent));
  }
  section.querySelector(".find").addEventListener("input", () => filterTable(section));
  section.querySelector(".faulty").addEventListener("change", () => filterTable(section));
}
