// The training images nearest to what is shown, with their distances: memorised or new?

const NEAREST = 6;

class Nearest {
  constructor(root, panel) {
    Object.assign(this, { root, panel });
    this.film = root.querySelector(".film");
    root.querySelector(".look").onclick = () => this.look();
  }

  // What was found belongs to one image; another one empties the row.
  show(token) {
    this.root.hidden = !this.panel.data.run.data_at_hand;
    if (token !== this.token) this.film.hidden = true;
    this.token = token;
  }

  async look() {
    const { engine, state, data } = this.panel;
    const token = this.token;
    const waiting = setTimeout(() => this.panel.say("The training images are being read; the first time takes some seconds."), 800);
    try {
      const found = await engine.get("nearest", { epoch: state.epoch, at: tokenOf(this.panel.shownPoint()), count: NEAREST });
      this.panel.say(this.panel.notice());
      if (token !== this.token || engine !== this.panel.engine) return;
      const pixels = bytesOf(found.images);
      this.film.replaceChildren(...found.distances.map((distance, i) => {
        const canvas = element("canvas", { role: "img", ariaLabel: `Training image at distance ${distance.toFixed(1)}` });
        paint(canvas, pixels, data.run, i);
        return element("figure", { title: "Distance over all pixels, each from 0 to 1; 0 would be a copy" }, canvas,
          element("figcaption", { textContent: distance.toFixed(1) }));
      }));
      this.film.hidden = false;
    } catch (error) {
      this.panel.fail(error);
    } finally {
      clearTimeout(waiting);
    }
  }
}
