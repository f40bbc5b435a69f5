// The curves: drawn as wide as the page gives them room, so that texts keep their size on a phone.
const PANEL_HEIGHT = 210;
const MARGIN = { left: 46, right: 14, top: 12, bottom: 24 };

const UNITS = {
  number: (value) => value.toPrecision(3),
  percent: (value) => percent(value),
  rate: (value) => Number(value.toPrecision(3)).toString(),
  count: (value) => count(Math.round(value)),
};

/** Round numbers from `low` to `high`, about as many as wanted. */
function ticks(low, high, wanted) {
  const rough = (high - low) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step) found.push(value);
  return found;
}

function axisText(unit, value) {
  if (unit === "percent") return `${Math.round(100 * value)} %`;
  return unit === "count" ? count(Math.round(value)) : Number(value.toPrecision(4)).toString();
}

class Panel {
  constructor(panel) {
    this.panel = panel;
    this.epochs = [...new Set(panel.series.flatMap((series) => series.points.map(([epoch]) => epoch)))].sort((a, b) => a - b);
    this.at = -1;
    this.svg = makeSvg("svg", {
      height: PANEL_HEIGHT, tabindex: "0", role: "group",
      "aria-label": `${panel.title} over ${this.epochs.length} epochs: arrow keys read the values`,
      onpointermove: (event) => this.point(event), onpointerdown: (event) => this.point(event),
      onpointerleave: (event) => event.pointerType === "mouse" && this.read(-1), onblur: () => this.read(-1), onkeydown: (event) => this.press(event),
    });
    this.reading = make("p", { class: "reading", "aria-live": "polite" });
    this.element = make("div", { class: "card panel" }, make("h3", {}, panel.title), this.svg, this.reading,
      make("ul", { class: "legend" }, ...panel.series.map((series) => this.legend(series))));
    onWidth(this.element, () => this.draw());
  }

  legend(series) {
    const best = series.best === null ? "" : `, best ${UNITS[this.panel.unit](series.points[series.best][1])} in epoch ${series.points[series.best][0]}`;
    const line = makeSvg("svg", { class: `style-${series.style % 6}`, "aria-hidden": "true" },
      makeSvg("line", { class: "curve", x1: 0, y1: 6, x2: 30, y2: 6 }));
    return make("li", {}, line, series.name + best);
  }

  draw() {
    const { width } = this.svg.getBoundingClientRect();
    const values = this.panel.series.flatMap((series) => series.points.map(([, value]) => value));
    const high = Math.max(...values);
    const low = Math.min(0, ...values);
    const top = high > low ? high + 0.06 * (high - low) : low + 1;
    const [first, last] = [this.epochs[0], this.epochs.at(-1)];
    const room = { x: width - MARGIN.left - MARGIN.right, y: PANEL_HEIGHT - MARGIN.top - MARGIN.bottom };
    this.x = (epoch) => MARGIN.left + (last > first ? (epoch - first) / (last - first) : 0.5) * room.x;
    this.y = (value) => MARGIN.top + (1 - (value - low) / (top - low)) * room.y;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${PANEL_HEIGHT}`);
    this.svg.replaceChildren(...this.axes(low, top, first, last, width), ...this.panel.series.map((series) => this.curve(series)));
    this.cursor = makeSvg("g");
    this.svg.append(this.cursor);
    this.read(this.at);
  }

  axes(low, top, first, last, width) {
    const right = width - MARGIN.right;
    const across = ticks(low, top, 5).flatMap((value) => [
      makeSvg("line", { class: "grid", x1: MARGIN.left, x2: right, y1: this.y(value), y2: this.y(value) }),
      makeSvg("text", { x: MARGIN.left - 6, y: this.y(value) + 4, "text-anchor": "end" }, axisText(this.panel.unit, value)),
    ]);
    const along = ticks(first, last, Math.min(last - first || 1, width / 70)).filter(Number.isInteger);
    return [...across, ...along.map((epoch) =>
      makeSvg("text", {
        x: epoch === last ? right : this.x(epoch), y: PANEL_HEIGHT - 6, "text-anchor": epoch === last ? "end" : "middle",
      }, epoch === along.at(-1) ? `epoch ${epoch}` : `${epoch}`))];
  }

  curve(series) {
    const path = series.points.map(([epoch, value], place) => `${place ? "L" : "M"}${this.x(epoch).toFixed(1)} ${this.y(value).toFixed(1)}`);
    const dots = series.points.length > 40 ? [] : series.points.map(([epoch, value]) =>
      makeSvg("circle", { class: "dot", cx: this.x(epoch), cy: this.y(value), r: 2.5 }));
    const best = series.best === null ? [] : [makeSvg("text", {
      class: "best", x: this.x(series.points[series.best][0]), y: this.y(series.points[series.best][1]) + 6, "text-anchor": "middle",
    }, "★")];
    return makeSvg("g", { class: `style-${series.style % 6}` }, makeSvg("path", { class: "curve", d: path.join("") }), ...dots, ...best);
  }

  point(event) {
    const x = event.clientX - this.svg.getBoundingClientRect().left;
    let nearest = 0;
    this.epochs.forEach((epoch, place) => {
      if (Math.abs(this.x(epoch) - x) < Math.abs(this.x(this.epochs[nearest]) - x)) nearest = place;
    });
    this.read(nearest);
  }

  press(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.read(clamp(this.at + step, 0, this.epochs.length - 1));
  }

  /** Marks an epoch and says its values; -1 marks none. */
  read(place) {
    this.at = place;
    if (place < 0) {
      this.reading.textContent = "";
      this.cursor?.replaceChildren();
      return;
    }
    const epoch = this.epochs[place];
    const found = this.panel.series.flatMap((series) => series.points.filter(([at]) => at === epoch).map(([, value]) => [series, value]));
    this.reading.textContent = `epoch ${epoch}: ${found.map(([series, value]) => `${series.name} ${UNITS[this.panel.unit](value)}`).join(", ")}`;
    this.cursor.replaceChildren(
      makeSvg("line", { class: "cursor", x1: this.x(epoch), x2: this.x(epoch), y1: MARGIN.top, y2: PANEL_HEIGHT - MARGIN.bottom }),
      ...found.map(([series, value]) => makeSvg("circle", { class: `dot style-${series.style % 6}`, cx: this.x(epoch), cy: this.y(value), r: 4.5 })));
  }
}

document.querySelector(".panels")?.append(...data.curves.map((panel) => new Panel(panel).element));
