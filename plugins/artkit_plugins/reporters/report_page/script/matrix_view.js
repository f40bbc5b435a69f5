// How a confusion matrix is laid out and painted. Only what is seen of it is painted, however large the whole is.
const NAMED_FROM = 12; // pixels of a cell from which the names beside it can be read
const NUMBERED_FROM = 24; // and from which a number fits into it
const LARGEST_CELL = 44;
const SMALLEST_CELL = 2;
const CELL_SIZES = [5, 8, 12, 16, 20, 26, 34];
const MOST_NAME_WIDTH = 170;
const AXIS_ROOM = 20; // for the words "true" and "answer"
const FONT = "system-ui, sans-serif";

class MatrixView {
  /** `order` gives the classes from top to bottom and from left to right; `measure` is "share" or "count". */
  constructor(viewport, answers) {
    this.viewport = viewport;
    this.extent = viewport.querySelector(".extent");
    this.canvas = viewport.querySelector("canvas");
    this.answers = answers;
    this.measure = "share";
    this.zoom = 0;
    this.current = null;
    this.colours = null; // read when it is painted first, and again when they have changed
    this.largest = 1;
    for (const number of answers.cells.values()) this.largest = Math.max(this.largest, number);
    this.setOrder(answers.order);
  }

  setOrder(order) {
    this.order = order;
    this.place = new Map(order.map((number, place) => [number, place]));
  }

  /** Computes all sizes anew, for another width or another zoom. */
  layOut() {
    this.viewport.style.width = "";
    const width = this.viewport.clientWidth;
    const gutter = this.viewport.offsetWidth - width;
    const context = this.canvas.getContext("2d");
    context.font = `13px ${FONT}`;
    const longest = Math.max(...this.answers.classes.name.map((name) => context.measureText(name).width));
    const names = Math.min(longest + 14, MOST_NAME_WIDTH, 0.38 * width);
    const named = (width - AXIS_ROOM - names - 2) / this.order.length;
    const bare = (width - AXIS_ROOM - 2) / this.order.length;
    const fitting = named >= NAMED_FROM ? Math.min(named, LARGEST_CELL) : Math.max(Math.min(bare, NAMED_FROM - 1), SMALLEST_CELL);
    this.sizes = [fitting, ...CELL_SIZES.filter((size) => size > 1.15 * fitting)];
    this.zoom = clamp(this.zoom, 0, this.sizes.length - 1);
    this.cell = this.sizes[this.zoom];
    this.isNamed = this.cell >= NAMED_FROM;
    this.names = this.isNamed ? names : 0;
    this.edge = AXIS_ROOM + this.names;
    const whole = Math.ceil(this.edge + this.cell * this.order.length) + 1;
    this.extent.style.width = `${whole}px`;
    this.extent.style.height = `${whole}px`;
    this.viewport.style.width = whole < width ? `${whole + gutter + 2}px` : ""; // no wider than it must be
    const bar = whole > width ? 20 : 4; // room for what scrolls sidewards
    const most = this.zoom === 0 ? Infinity : Math.max(320, 0.82 * innerHeight);
    this.viewport.style.height = `${Math.min(whole + bar, most)}px`;
    this.paint();
  }

  /** The cell at a point of the viewport as [row, column] of the order, or null. */
  cellAt(x, y) {
    const [column, row] = [x - this.edge + this.viewport.scrollLeft, y - this.edge + this.viewport.scrollTop]
      .map((offset) => Math.floor(offset / this.cell));
    const isInside = x >= this.edge && y >= this.edge && row >= 0 && column >= 0;
    return isInside && row < this.order.length && column < this.order.length ? [row, column] : null;
  }

  /** The same, but of small cells one that has images, if there is one within `reach` pixels. */
  cellNear(x, y, reach) {
    const at = this.cellAt(x, y);
    if (!at || this.cell >= NAMED_FROM || this.answers.number(this.order[at[0]], this.order[at[1]])) return at;
    let [nearest, least] = [at, (reach / this.cell) ** 2];
    for (const [truth, said] of this.pairs()) {
      const [row, column] = [this.place.get(truth), this.place.get(said)];
      const distance = (row - at[0]) ** 2 + (column - at[1]) ** 2;
      if (distance <= least) [nearest, least] = [[row, column], distance];
    }
    return nearest;
  }

  * pairs() {
    const size = this.answers.size;
    for (const [key, number] of this.answers.cells) yield [Math.floor(key / size), key % size, number];
  }

  /** Scrolls to the current cell, unless it is seen already. */
  reveal() {
    if (!this.current) return;
    const { clientWidth, clientHeight } = this.viewport;
    const seen = (start, scrolled, room) => {
      const spare = room - this.edge - this.cell;
      return scrolled <= start && start <= scrolled + spare ? scrolled : start - spare / 2;
    };
    this.viewport.scrollLeft = seen(this.current[1] * this.cell, this.viewport.scrollLeft, clientWidth);
    this.viewport.scrollTop = seen(this.current[0] * this.cell, this.viewport.scrollTop, clientHeight);
  }

  paint() {
    const { clientWidth: width, clientHeight: height } = this.viewport;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    this.colours ??= Object.fromEntries(["card", "ink", "faint", "line", "track", "blue", "mistake"].map((name) => [name, colour(name)]));
    this.left = this.edge - this.viewport.scrollLeft;
    this.top = this.edge - this.viewport.scrollTop;
    this.within(context, this.edge, this.edge, width, height, () => this.paintCells(context, width, height));
    if (this.isNamed) this.paintNames(context, width, height);
    this.paintAxes(context, width, height);
    if (this.current) this.paintCurrent(context, width, height);
  }

  within(context, x, y, right, bottom, act) {
    context.save();
    context.beginPath();
    context.rect(x, y, right - x, bottom - y);
    context.clip();
    act();
    context.restore();
  }

  paintCells(context, width, height) {
    const { cell, left, top, order, colours } = this;
    const gap = cell >= 8 ? 1 : 0;
    const whole = order.length * cell;
    context.fillStyle = colours.line;
    if (gap) {
      for (let line = 0; line <= order.length; line += 1) {
        context.fillRect(left, top + line * cell - 0.5, whole, 1);
        context.fillRect(left + line * cell - 0.5, top, 1, whole);
      }
    } else {
      context.strokeStyle = colours.line;
      context.strokeRect(left - 0.5, top - 0.5, whole + 1, whole + 1);
    }
    context.fillStyle = colours.track;
    order.forEach((_, place) => context.fillRect(left + place * cell + gap / 2, top + place * cell + gap / 2, cell - gap, cell - gap));
    for (const [truth, said, number] of this.pairs()) {
      const x = left + this.place.get(said) * cell + gap / 2;
      const y = top + this.place.get(truth) * cell + gap / 2;
      if (x + cell < this.edge || y + cell < this.edge || x > width || y > height) continue;
      this.paintCell(context, x, y, cell - gap, truth, said, number);
    }
  }

  paintCell(context, x, y, side, truth, said, number) {
    const share = number / this.answers.support(truth);
    const strength = 0.18 + 0.82 * Math.sqrt(this.measure === "share" ? share : number / this.largest);
    context.globalAlpha = strength;
    context.fillStyle = truth === said ? this.colours.blue : this.colours.mistake;
    context.fillRect(x, y, side, side);
    context.globalAlpha = 1;
    if (this.cell < NUMBERED_FROM) return;
    context.fillStyle = strength > 0.6 ? this.colours.card : this.colours.ink;
    context.font = `${Math.min(12, this.cell * 0.42)}px ${FONT}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(this.measure === "share" ? Math.round(100 * share) : number, x + side / 2, y + side / 2 + 0.5);
  }

  paintNames(context, width, height) {
    const size = Math.min(13, 0.82 * this.cell);
    context.font = `${size}px ${FONT}`;
    context.fillStyle = this.colours.ink;
    context.textBaseline = "middle";
    const first = (offset) => Math.max(0, Math.floor((this.edge - offset) / this.cell));
    const last = (offset, room) => Math.min(this.order.length, Math.ceil((room - offset) / this.cell));
    context.textAlign = "right";
    this.within(context, 0, this.edge, this.edge, height, () => {
      for (let row = first(this.top); row < last(this.top, height); row += 1) {
        context.fillText(this.fitted(context, this.order[row]), this.edge - 6, this.top + (row + 0.5) * this.cell);
      }
    });
    context.textAlign = "left";
    this.within(context, this.edge, 0, width, this.edge, () => {
      for (let column = first(this.left); column < last(this.left, width); column += 1) {
        this.upwards(context, this.left + (column + 0.5) * this.cell, this.edge - 6, () => context.fillText(this.fitted(context, this.order[column]), 0, 0));
      }
    });
  }

  upwards(context, x, y, act) {
    context.save();
    context.translate(x, y);
    context.rotate(-Math.PI / 2);
    act();
    context.restore();
  }

  /** A name, with an ellipsis where there is no room for all of it. */
  fitted(context, number) {
    const name = this.answers.name(number);
    const room = this.names - 10;
    if (context.measureText(name).width <= room) return name;
    let kept = name.length - 1;
    while (kept > 1 && context.measureText(`${name.slice(0, kept)}…`).width > room) kept -= 1;
    return `${name.slice(0, kept)}…`;
  }

  paintAxes(context, width, height) {
    context.fillStyle = this.colours.faint;
    context.font = `12px ${FONT}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const middle = (room) => this.edge + Math.min(room - this.edge, this.order.length * this.cell) / 2;
    context.fillText("answer →", middle(width), AXIS_ROOM / 2);
    this.upwards(context, AXIS_ROOM / 2, middle(height), () => context.fillText("← true class", 0, 0));
  }

  paintCurrent(context, width, height) {
    const [row, column] = this.current;
    const { cell, edge } = this;
    const [x, y] = [this.left + column * cell, this.top + row * cell];
    this.within(context, edge, edge, width, height, () => {
      context.globalAlpha = 0.16;
      context.fillStyle = this.colours.ink;
      context.fillRect(edge, y, width, cell);
      context.fillRect(x, edge, cell, height);
      context.globalAlpha = 1;
      context.strokeStyle = this.colours.ink;
      context.lineWidth = 2;
      context.strokeRect(x - 1, y - 1, cell + 2, cell + 2);
    });
    context.font = `600 12px ${FONT}`;
    context.textBaseline = "middle";
    context.textAlign = "left";
    this.tag(context, this.answers.name(this.order[row]), 2, clamp(y + cell / 2, 12, height - 12), width);
    const name = this.answers.name(this.order[column]);
    this.tag(context, name, clamp(x + cell / 2 - context.measureText(name).width / 2, 2, width), 12, width);
  }

  tag(context, text, x, y, width) {
    const wide = context.measureText(text).width + 10;
    const start = Math.max(0, Math.min(x, width - wide - 2));
    context.fillStyle = this.colours.ink;
    context.fillRect(start, y - 10, wide, 20);
    context.fillStyle = this.colours.card;
    context.fillText(text, start + 5, y);
  }
}
