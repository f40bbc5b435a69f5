// The confusion matrix as people use it: with a pointer, with fingers, with the keyboard, or by buttons.
class Matrix {
  constructor(element, answers) {
    this.element = element;
    this.answers = answers;
    this.viewport = element.querySelector(".viewport");
    this.view = new MatrixView(this.viewport, answers);
    this.said = element.querySelector(".said");
    this.openButton = element.querySelector(".open");
    this.mistake = -1;
    this.listenToControls();
    this.listenToViewport();
    onWidth(element, () => this.view.layOut());
    paintings.push(() => {
      this.view.colours = null;
      this.view.paint();
    });
  }

  listenToControls() {
    const on = (name, event, act) => this.element.querySelector(name).addEventListener(event, act);
    on(".order", "change", (event) => this.setOrder(event.target.value));
    on(".measure", "change", (event) => {
      this.view.measure = event.target.value;
      this.view.paint();
    });
    on(".smaller", "click", () => this.setZoom(this.view.zoom - 1));
    on(".larger", "click", () => this.setZoom(this.view.zoom + 1));
    on(".next", "click", () => this.goToMistake(this.mistake + 1));
    on(".previous", "click", () => this.goToMistake(Math.max(this.mistake, 0) - 1));
    on(".open", "click", () => this.open());
  }

  listenToViewport() {
    const { viewport } = this;
    let isDue = false;
    viewport.addEventListener("scroll", () => {
      if (isDue) return;
      isDue = true;
      requestAnimationFrame(() => {
        isDue = false;
        this.view.paint();
      });
    });
    viewport.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") this.select(this.cellOf(event));
    });
    viewport.addEventListener("click", (event) => this.click(event));
    viewport.addEventListener("keydown", (event) => this.press(event));
    viewport.addEventListener("focus", () => {
      if (!this.view.current && viewport.matches(":focus-visible")) this.goToMistake(0);
    });
  }

  cellOf(event) {
    const box = this.viewport.getBoundingClientRect();
    const reach = event.pointerType === "mouse" ? 5 : 16;
    return this.view.cellNear(event.clientX - box.left - this.viewport.clientLeft, event.clientY - box.top - this.viewport.clientTop, reach);
  }

  /** Without a pointer that hovers, the first tap tells of a cell, and the second one opens it. */
  click(event) {
    const cell = this.cellOf(event);
    const isKnown = cell && this.view.current && cell.every((place, axis) => place === this.view.current[axis]);
    this.select(cell);
    if (cell && (isKnown || event.pointerType === "mouse")) this.open();
  }

  press(event) {
    const last = this.view.order.length - 1;
    const [row, column] = this.view.current ?? [0, 0];
    const moves = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      Home: [row, 0], End: [row, last],
    };
    if (event.key in moves) this.select(moves[event.key].map((place) => clamp(place, 0, last)));
    else if (event.key === "PageDown") this.goToMistake(this.mistake + 1);
    else if (event.key === "PageUp") this.goToMistake(Math.max(this.mistake, 0) - 1);
    else if (event.key === "Enter" || event.key === " ") this.open();
    else return;
    event.preventDefault();
    this.view.reveal();
  }

  setOrder(name) {
    const { answers, view } = this;
    const kept = view.current?.map((place) => view.order[place]);
    const by = {
      name: (a, b) => answers.name(a).localeCompare(answers.name(b), "en", { numeric: true }),
      recall: (a, b) => (answers.support(a) === 0) - (answers.support(b) === 0) || answers.recall(a) - answers.recall(b),
      support: (a, b) => answers.support(b) - answers.support(a),
    };
    view.setOrder(name === "similar" ? answers.order : answers.order.map((_, number) => number).sort(by[name]));
    view.current = kept?.map((number) => view.place.get(number)) ?? null;
    view.paint();
    view.reveal();
  }

  setZoom(zoom) {
    this.view.zoom = zoom;
    this.view.layOut();
    this.view.reveal();
  }

  goToMistake(number) {
    const { mistakes } = this.answers;
    if (mistakes.length === 0) return;
    this.mistake = (number + mistakes.length) % mistakes.length;
    const [truth, said] = mistakes[this.mistake];
    this.select([this.view.place.get(truth), this.view.place.get(said)]);
    this.view.reveal();
  }

  select(cell) {
    if (String(cell) === String(this.view.current)) return;
    this.view.current = cell;
    this.view.paint();
    this.openButton.disabled = !cell || this.number() === 0;
    this.said.replaceChildren(...(cell ? this.words() : ["Point at a cell, tap it, or use the arrow keys."]));
  }

  /** The true class and the answer of the current cell. */
  pair() {
    return this.view.current.map((place) => this.view.order[place]);
  }

  number() {
    return this.answers.number(...this.pair());
  }

  words() {
    const { answers } = this;
    const [truth, said] = this.pair();
    const [a, b] = [make("b", {}, answers.name(truth)), make("b", {}, answers.name(said))];
    if (truth === said) {
      return [a, ` recognised: ${share(answers, truth, truth)}; in training ${images(answers.train(truth))}.`];
    }
    return [a, " taken for ", b, `: ${share(answers, truth, said)}; the other way round ${share(answers, said, truth)}; `,
      `in training ${count(answers.train(truth))} and ${count(answers.train(said))}.`];
  }

  open() {
    if (this.view.current && this.number() > 0) openPair(this.answers, ...this.pair());
  }
}

const matrices = [...document.querySelectorAll(".matrix")].map(
  (element) => new Matrix(element, targets[element.closest("section").dataset.target]),
);
