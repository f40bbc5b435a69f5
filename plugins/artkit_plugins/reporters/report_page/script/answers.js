// The answers of each target, so that any part of the page can ask for a class, a pair, or an image.
class Answers {
  constructor(block) {
    this.classes = block.classes;
    this.order = block.order;
    this.size = block.classes.name.length;
    this.cells = new Map(block.cells.map(([truth, said, number]) => [truth * this.size + said, number]));
    this.images = block.images.map(([row, picture, truth, said, pTrue, pSaid, file]) => ({
      row, picture, truth, said, pTrue, pSaid, file,
    }));
    this.byRow = new Map(this.images.map((image) => [image.row, image]));
    /** Mistakes as [truth, said, number], most images first. */
    this.mistakes = block.cells
      .filter(([truth, said]) => truth !== said)
      .sort((a, b) => b[2] - a[2] || b[2] / this.support(b[0]) - a[2] / this.support(a[0]));
  }

  name(number) {
    return this.classes.name[number];
  }

  support(number) {
    return this.classes.support[number];
  }

  train(number) {
    return this.classes.train[number];
  }

  recall(number) {
    return this.classes.recall[number][0];
  }

  /** Images of one class that were taken for another, or for itself. */
  number(truth, said) {
    return this.cells.get(truth * this.size + said) ?? 0;
  }

  /** Those of them that are in the page, the surest answers first. */
  shown(truth, said) {
    return this.images.filter((image) => image.truth === truth && image.said === said);
  }

  /** The images of a class that are in the page, recognised ones first. */
  of(truth) {
    const own = this.images.filter((image) => image.truth === truth);
    return [...own.filter((image) => image.said === truth), ...own.filter((image) => image.said !== truth)];
  }
}

const targets = data.targets.map((block) => new Answers(block));
