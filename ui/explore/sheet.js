// The samples of a seed as a grid; arrow keys move in it, a click or Enter takes one.

class Sheet {
  constructor(root, count, onPick) {
    this.root = root;
    this.tiles = Array.from({ length: count }, (_, index) => tile(() => onPick(index)));
    this.tiles.forEach(({ button }) => button.setAttribute("role", "option"));
    root.replaceChildren(...this.tiles.map(({ button }) => button));
    root.onkeydown = (event) => this.move(event);
    this.focusable(0);
  }

  columns() {
    const top = this.tiles[0].button.offsetTop;
    const next = this.tiles.findIndex(({ button }) => button.offsetTop > top);
    return next < 0 ? this.tiles.length : next;
  }

  move(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns(), ArrowDown: this.columns() };
    const to = this.active + (steps[event.key] ?? 0);
    if (!(event.key in steps) || to < 0 || to >= this.tiles.length) return;
    event.preventDefault();
    this.focusable(to);
    this.tiles[to].button.focus();
  }

  focusable(index) {
    this.active = index;
    this.tiles.forEach(({ button }, i) => (button.tabIndex = i === index ? 0 : -1));
  }

  select(index) {
    this.tiles.forEach(({ button }, i) => button.setAttribute("aria-selected", String(i === index)));
    this.focusable(Math.max(index, 0));
  }

  show(pixels, run, words) {
    this.tiles.forEach(({ button, canvas }, i) => {
      paint(canvas, pixels, run, i);
      button.setAttribute("aria-label", words[i]);
    });
  }
}
