// Rows of label, slider, value and hint. `onInput` comes while the hand moves, `onDone` when it rests.

const RESETS = "Double click sets it back";

class Row {
  constructor({ label, min, max, centre = 0, hint = "", show, onInput, onDone, onReset, spoken = show }) {
    Object.assign(this, { show, spoken });
    this.input = element("input", { type: "range", min, max, step: 5, value: centre });
    this.input.setAttribute("aria-label", label);
    this.value = element("output");
    this.hint = element("span", { className: "hint", textContent: hint });
    this.label = element("span", { className: "label", textContent: label });
    this.root = element("div", { className: "row", title: RESETS }, this.label, this.input, this.value, this.hint);
    this.root.classList.toggle("centred", min < 0);
    this.input.oninput = () => {
      this.tell();
      onInput(Number(this.input.value));
    };
    this.input.onchange = () => onDone();
    this.root.ondblclick = () => onReset();
  }

  set(value, changed) {
    if (Number(this.input.value) !== value) this.input.value = value;
    this.root.classList.toggle("changed", Boolean(changed));
    this.tell();
  }

  describe(hint, spoken) {
    this.hint.textContent = hint;
    this.input.setAttribute("aria-description", spoken);
  }

  rename(name, full, words) {
    this.label.textContent = name;
    this.input.setAttribute("aria-label", full);
    this.root.title = `${full}: ${words}. ${RESETS}`;
  }

  tell() {
    const value = Number(this.input.value);
    if (value === this.told) return;
    this.told = value;
    this.value.textContent = this.show(value);
    this.input.setAttribute("aria-valuetext", this.spoken(value));
  }
}

const SIGNED = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "exceptZero" });
const signed = (hundredths) => SIGNED.format(hundredths / 100).replace("-", "−");

function directionRows(panel, count) {
  const { reach } = panel.data.limits;
  return Array.from({ length: count }, (_, i) => new Row({
    label: `direction ${i + 1}`, min: -reach, max: reach,
    show: signed, spoken: (value) => `${signed(value)} standard deviations`,
    onInput: (value) => panel.change({ directions: withAmount(panel.state.point.directions, i, value) }),
    onDone: () => panel.commit(),
    onReset: () => panel.change({ directions: withAmount(panel.state.point.directions, i, 0) }, true),
  }));
}

function coordinateRows(panel) {
  const { coordinate_reach: reach } = panel.data.limits;
  const set = (i, value) => ({ coordinates: { ...panel.state.point.coordinates, [i]: value } });
  return Array.from({ length: panel.data.run.latent }, (_, i) => new Row({
    label: `z ${i + 1}`, min: -reach, max: reach, show: signed,
    onInput: (value) => panel.change(set(i, value)),
    onDone: () => panel.commit(),
    onReset: () => {
      const { [i]: _gone, ...coordinates } = panel.state.point.coordinates;
      panel.change({ coordinates }, true);
    },
  }));
}

function truncationRow(panel) {
  return new Row({
    label: "truncation", min: 0, max: 100, centre: 100, hint: "1 = off",
    show: (value) => (value / 100).toFixed(2),
    spoken: (value) => `${(value / 100).toFixed(2)}: ${value === 100 ? "off" : "closer to the average digit"}`,
    onInput: (truncation) => panel.change({ truncation }),
    onDone: () => panel.commit(),
    onReset: () => panel.change({ truncation: 100 }, true),
  });
}

// How far from the chosen digit to another; choosing the other is part of the label.
function blendRow(panel) {
  const row = new Row({
    label: "towards", min: 0, max: 100, show: (value) => `${value} %`,
    onInput: (share) => panel.blendBy(share, Number(row.other.value)),
    onDone: () => panel.commit(),
    onReset: () => panel.blend(null, 0, true),
  });
  const { run } = panel.data;
  const choose = (other) => panel.blend(other, Number(row.input.value), true);
  const shown = fitsARow(run) ? classChoice(run, choose) : new ConditionButton(panel, "Blend towards", (other) => {
    row.other.value = other;
    choose(other);
  });
  row.other = shown;
  row.other.value = Math.min(8, run.classes - 1);
  row.label.append(" ", shown.root ?? shown);
  row.input.setAttribute("aria-label", `Blend towards another ${run.noun}`);
  return row;
}

function classChoice(run, choose) {
  const classes = Array.from({ length: run.classes }, (_, i) => element("option", { value: i, textContent: run.names[i] ?? i }));
  const choice = element("select", {}, ...classes);
  choice.setAttribute("aria-label", `The ${run.noun} to blend towards`);
  choice.onchange = () => choose(Number(choice.value));
  return choice;
}

function withAmount(directions, number, amount) {
  const { [number]: _old, ...others } = directions;
  return amount ? { ...others, [number]: amount } : others;
}
