// The doctor's line under the charts: the gravest finding, its evidence, and a button where settings would help.

class Doctor {
  // `onRemedy(name)` is called when the button of the finding `name` is pressed.
  constructor(parent, onRemedy) {
    this.root = document.createElement("section");
    this.root.className = "doctor";
    this.root.innerHTML = `<b role="status"></b><span class="evidence"></span><button type="button" hidden></button>
      <span class="remedy"></span>`;
    parent.append(this.root);
    this.button = this.root.querySelector("button");
    this.button.onclick = () => {
      this.button.disabled = true;
      this.button.textContent = "Starting …";
      onRemedy(this.finding.name);
    };
  }

  show(findings, active) {
    const finding = findings[0];
    const key = JSON.stringify([finding, active]);
    if (key === this.shown) return;
    this.shown = key;
    this.root.dataset.finding = finding?.name ?? "";
    this.root.classList.toggle("trouble", Boolean(finding?.trouble));
    this.write("b", finding?.sentence ?? "");
    this.write(".evidence", finding ? `${finding.evidence}.` : "");
    this.write(".remedy", finding?.remedy ?? "");
    if (this.finding?.name === finding?.name && this.active === active && this.button.disabled) return;
    this.button.hidden = !finding?.remedy;
    this.button.disabled = false;
    this.button.textContent = active ? "Stop and start again with" : "Start again with";
    Object.assign(this, { finding, active });
  }

  write(selector, text) {
    const part = this.root.querySelector(selector);
    if (part.textContent !== text) part.textContent = text;
  }
}
