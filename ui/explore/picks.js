// The images that were kept, in the order of the walk: click to work on one, drag it or use the arrow keys to move it.

class Picks {
  constructor(root, { onWork, onMove, onDrop }) {
    Object.assign(this, { root, onWork, onMove, onDrop });
  }

  show(count) {
    while (this.root.children.length > count) this.root.lastChild.remove();
    while (this.root.children.length < count) this.root.append(this.item(this.root.children.length));
    [...this.root.children].forEach((item, place) => {
      item.firstChild.setAttribute("aria-label", `Pick ${place + 1} of ${count}: work on it; arrow keys move it`);
      item.lastChild.setAttribute("aria-label", `Remove pick ${place + 1}`);
    });
  }

  item(place) {
    const work = tile(() => this.onWork(place)).button;
    const drop = element("button", { type: "button", className: "drop", textContent: "×", onclick: () => this.onDrop(place) });
    const item = element("div", { className: "pick", draggable: true }, work, drop);
    work.onkeydown = (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) this.move(place, place + step);
    };
    item.ondragstart = (event) => {
      event.dataTransfer.effectAllowed = "move";
      this.dragged = place;
    };
    item.ondragover = (event) => this.dragged !== undefined && event.preventDefault();
    item.ondragend = () => (this.dragged = undefined);
    item.ondrop = (event) => {
      event.preventDefault();
      this.move(this.dragged, place);
    };
    return item;
  }

  move(from, to) {
    if (to < 0 || to >= this.root.children.length || from === to) return;
    this.onMove(from, to);
    this.root.children[to].firstChild.focus();
  }

  canvases() {
    return [...this.root.querySelectorAll("canvas")];
  }
}
