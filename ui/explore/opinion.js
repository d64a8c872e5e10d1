// What D thinks of the image shown, and where it would change its mind: the gradient of its score on the pixels.

const MORE = [230, 159, 0]; // orange and sky blue (Okabe, Ito): told apart by every eye
const LESS = [86, 180, 233];

class Opinion {
  constructor(root, panel) {
    Object.assign(this, { root, panel, on: false });
    this.latest = new Latest((image) => this.judge(image));
    this.heat = panel.find(".heat");
    this.find = (selector) => root.querySelector(selector);
    this.find(".judge").onclick = () => this.toggle(!this.on);
    this.toggle(false);
  }

  toggle(on) {
    this.on = on;
    this.find(".judge").setAttribute("aria-pressed", String(on));
    this.find(".judge").textContent = on ? "hide what D thinks" : "what D thinks of it";
    this.heat.hidden = true;
    this.find(".verdict").replaceChildren();
    if (on) this.look();
  }

  // The image on the large canvas changed.
  look() {
    if (this.on && this.panel.image) this.latest.ask(this.panel.image);
  }

  async judge({ pixels, condition, words }) {
    const { panel } = this;
    const { engine, state } = panel;
    try {
      const told = new Float32Array(await condition());
      const body = new Blob([pixels, told]);
      const found = await (await engine.send("opinion", { epoch: state.epoch }, body)).json();
      if (!this.on || engine !== panel.engine) return;
      this.verdict(found, state.epoch);
      this.paint(Int8Array.from(atob(found.where), (letter) => letter.charCodeAt(0)), words);
    } catch (error) {
      if (engine !== panel.engine) return;
      this.toggle(false);
      this.find(".verdict").textContent = error instanceof TypeError ? "The server does not answer just now." : error.message;
    }
  }

  verdict({ epoch, score, probability, above }, shown) {
    const whose = epoch === shown ? "D" : `D as it was after epoch ${epoch}`;
    const first = probability === null
      ? `${whose} gives it ${score.toFixed(2)} points`
      : `${whose} is ${percent(probability)} sure that it is real`;
    const gray = this.panel.data.run.channels === 1;
    const legend = (rgb, text) => {
      const swatch = element("i");
      swatch.style.background = `rgb(${rgb.join()})`;
      return element("span", {}, swatch, text);
    };
    this.find(".verdict").replaceChildren(
      element("b", { textContent: first }),
      `, ${probability === null ? "more than" : "surer than with"} ${percent(above)} of 48 generated ones. `,
      legend(MORE, `more ${gray ? "ink" : "light"} here would look more real to it`), " ",
      legend(LESS, "less would"),
    );
  }

  paint(where, words) {
    const { size } = this.panel.data.run;
    Object.assign(this.heat, { width: size, height: size, hidden: false });
    const image = new ImageData(size, size);
    where.forEach((value, i) => image.data.set([...(value > 0 ? MORE : LESS), (210 * Math.abs(value)) / 127], 4 * i));
    this.heat.getContext("2d").putImageData(image, 0, 0);
    this.heat.setAttribute("aria-label", `Where D would change its mind about ${words}`);
  }
}

function percent(share) {
  if (share > 0 && share < 0.01) return "less than 1 %";
  if (share < 1 && share > 0.99) return "more than 99 %";
  return `${Math.round(100 * share)} %`;
}
