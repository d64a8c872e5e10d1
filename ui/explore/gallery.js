// The classes or groups that a generator can be asked for, as pictures to click, where a row of buttons has no room.

class Gallery {
  constructor(panel) {
    Object.assign(this, { panel, root: panel.find(".gallery") });
    this.root.hidden = true;
    this.root.onkeydown = (event) => this.key(event);
    this.away = (event) => !event.composedPath().some((part) => part === this.root || part === this.anchor) && this.close();
  }

  // The sheet of pictures, asked for once.
  pictures() {
    const { engine } = this.panel;
    this.asked ??= fetch(engine.address("conditions.png")).then(checked).then((answer) => answer.blob()).then(createImageBitmap);
    this.asked.catch(() => (this.asked = null));
    return this.asked;
  }

  // Paints the picture of `number` on `canvas`; it stays black where there is none.
  async paint(canvas, number) {
    const sheet = await this.pictures().catch(() => null);
    if (!sheet) return;
    const { samples: columns } = this.panel.data.limits;
    const side = sheet.width / Math.min(columns, this.panel.data.run.classes);
    Object.assign(canvas, { width: side, height: side });
    canvas.getContext("2d").drawImage(sheet, (number % columns) * side, Math.floor(number / columns) * side, side, side, 0, 0, side, side);
  }

  open(anchor, chosen, onPick, any) {
    if (!this.root.hidden && this.anchor === anchor) {
      this.close();
      return;
    }
    Object.assign(this, { anchor, onPick });
    this.fill(chosen, any);
    const [box, frame] = [anchor.getBoundingClientRect(), this.panel.root.getBoundingClientRect()];
    this.root.hidden = false;
    const left = Math.min(box.left - frame.left, frame.width - this.root.offsetWidth);
    Object.assign(this.root.style, { left: `${Math.max(0, left)}px`, top: `${box.bottom - frame.top + 4}px` });
    anchor.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", this.away, true);
    (this.root.querySelector('[aria-selected="true"]') ?? this.root.querySelector("button")).focus();
  }

  fill(chosen, any) {
    const { run } = this.panel.data;
    const tiles = Array.from({ length: run.classes }, (_, i) => {
      const { button, canvas } = tile(() => this.pick(i));
      this.paint(canvas, i);
      const name = conditionName(run, i);
      button.title = name;
      button.setAttribute("aria-label", name);
      button.setAttribute("role", "option");
      button.setAttribute("aria-selected", String(i === chosen));
      if (!run.names.length) return button;
      return element("figure", {}, button, element("figcaption", { textContent: run.names[i], title: name }));
    });
    const head = any ? [element("button", { type: "button", className: "any", textContent: `any: each sample its own ${run.noun}`, onclick: () => this.pick(null) })] : [];
    const sheet = element("div", { className: "conditions" }, ...tiles);
    sheet.setAttribute("role", "listbox");
    sheet.setAttribute("aria-label", `Choose a ${run.noun}`);
    this.root.replaceChildren(...head, sheet);
  }

  pick(number) {
    const { anchor, onPick } = this;
    this.close();
    anchor.focus();
    onPick(number);
  }

  close() {
    this.root.hidden = true;
    this.anchor?.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", this.away, true);
  }

  key(event) {
    const buttons = [...this.root.querySelectorAll("button")];
    const at = buttons.indexOf(this.panel.root.getRootNode().activeElement);
    if (event.key === "Escape") {
      this.close();
      this.anchor.focus();
    }
    const top = (button) => button.getBoundingClientRect().top;
    const row = buttons.filter((button) => top(button) === top(buttons[at])).length;
    const to = buttons[at + ({ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row }[event.key] ?? NaN)];
    if (!to) return;
    event.preventDefault();
    to.focus();
  }
}

// A button that shows the condition chosen and opens the gallery; `value` null stands for any.
class ConditionButton {
  constructor(panel, label, onPick, any = false) {
    Object.assign(this, { panel, label, chosen: undefined });
    this.canvas = element("canvas", { width: 1, height: 1 });
    this.text = element("span");
    this.root = element("button", { type: "button", className: "condition" }, this.canvas, this.text, element("i", { textContent: "▾" }));
    this.root.setAttribute("aria-haspopup", "listbox");
    this.root.setAttribute("aria-expanded", "false");
    this.root.onclick = () => panel.gallery.open(this.root, this.chosen, onPick, any);
  }

  get value() {
    return this.chosen;
  }

  set value(number) {
    if (number === this.chosen) return;
    this.chosen = number;
    const name = number === null ? "any" : conditionName(this.panel.data.run, number);
    this.text.textContent = number === null ? "any" : (this.panel.data.run.names[number] ?? number);
    this.root.setAttribute("aria-label", `${this.label}: ${name}`);
    this.canvas.hidden = number === null;
    if (number !== null) this.panel.gallery.paint(this.canvas, number);
  }
}

// As in a sentence: `digit 3`, `group 17`, `sneaker`.
function conditionName({ noun, names }, number) {
  if (noun === "class") return names[number] ?? `class ${number}`;
  return `${noun} ${names[number] ?? number}`;
}

// Whether a row of buttons has room for all of them.
function fitsARow({ classes, names }) {
  return classes <= 12 && names.every((name) => name.length <= 4) && (names.length || classes <= 10);
}
