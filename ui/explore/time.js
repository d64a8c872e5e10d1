// One z, one direction or one walk through time: drawn by every kept generator of the run, and by other runs whose z has
// its size.

const ROWS = [-200, -100, 0, 100, 200]; // hundredths along the direction that is varied
const MOST_EPOCHS = 24;
const WALK_PICTURES = 9; // about as many of a walk lie one below the other

class TimeMachine {
  constructor(root, panel) {
    Object.assign(this, { root, panel });
    this.latest = new Latest(() => this.draw());
    root.innerHTML = TIME_HTML;
    this.find = (selector) => root.querySelector(selector);
    this.rename();
    this.find(".along").onchange = (event) => {
      const { value } = event.target;
      panel.state.along = value === "" ? null : value === "walk" ? value : Number(value);
      panel.commit();
      this.refresh();
    };
  }

  rename() {
    fillDirections(this.find(".along"), this.panel, [["", "nothing"], ["walk", "the walk through your picks"]]);
    this.allowWalk();
  }

  // The walk needs picks; without them the same z stands for it.
  allowWalk() {
    const { state } = this.panel;
    this.walking = state?.along === "walk" && state.picks.length > 1;
    const option = this.find(".along option[value=walk]");
    option.disabled = !state || state.picks.length < 2;
    option.textContent = option.disabled ? "a walk (keep two picks first)" : "the walk through your picks";
  }

  refresh() {
    this.allowWalk();
    this.find(".along").value = this.panel.state.along ?? "";
    this.latest.ask();
  }

  async rows() {
    const { state, space, engine } = this.panel;
    if (!this.walking) return space.rows(this.points(), state.epoch);
    const { picks, method, loop } = state;
    const steps = Math.max(1, Math.floor(WALK_PICTURES / picks.length));
    const query = [["epoch", state.epoch], ...picks.map((pick) => ["pick", tokenOf(pick)]), ["method", method], ["steps", steps], ["loop", loop ? 1 : 0]];
    const path = await engine.get("path", query);
    return joined(floats(path.z), floats(path.conditions), path.count, engine.run);
  }

  wish() {
    const { point, picks, along } = this.panel.state;
    return [along, ...[point, ...picks].map(tokenOf)].join(" ");
  }

  points() {
    const { state } = this.panel;
    const basis = state.point.basis ?? state.epoch;
    if (state.along === null || state.along === "walk") return [{ ...state.point, basis }];
    return ROWS.map((amount) => ({ ...state.point, basis, directions: withAmount(state.point.directions, state.along, amount) }));
  }

  epochs() {
    const { epochs } = this.panel.data.run;
    if (epochs.length <= MOST_EPOCHS) return epochs;
    const places = Array.from({ length: MOST_EPOCHS }, (_, i) => Math.round((i * (epochs.length - 1)) / (MOST_EPOCHS - 1)));
    return places.map((place) => epochs[place]);
  }

  async draw() {
    const { panel } = this;
    const { engine, data } = panel;
    const wish = this.wish();
    const stale = () => engine !== panel.engine || wish !== this.wish() || panel.state.view !== "time";
    try {
      const rows = await this.rows();
      const epochs = this.epochs();
      const own = this.columns(".epochs", epochs.map((epoch) => [`epoch ${epoch}`, () => this.goTo(epoch)]));
      for (const [i, epoch] of epochs.entries()) {
        own[i].button.setAttribute("aria-current", String(epoch === panel.state.epoch));
        paintColumn(own[i].canvas, await engine.ask(epoch, rows), data.run);
        if (stale()) return;
      }
      await this.drawOthers(rows, stale);
    } catch (error) {
      panel.fail(error);
    }
  }

  async drawOthers(rows, stale) {
    const { run, runs } = this.panel.data;
    const fits = (other) => other.ready && other.name !== run.name && other.latent === run.latent && [0, run.classes].includes(other.classes);
    const others = runs.filter(fits).slice(0, 8);
    this.find(".others").hidden = !others.length;
    const columns = this.columns(".others .film", others.map((other) => [other.title, () => this.panel.changeRun(other.name)]));
    for (const [i, other] of others.entries()) {
      const pixels = await new ServerEngine(other).ask(null, other.classes ? rows : withoutCondition(rows, run)).catch(() => null);
      if (stale()) return;
      if (pixels) paintColumn(columns[i].canvas, pixels, other);
    }
  }

  columns(place, entries) {
    const holder = this.find(place);
    while (holder.children.length > entries.length) holder.lastChild.remove();
    while (holder.children.length < entries.length) {
      const made = tile(() => {});
      holder.append(element("figure", {}, made.button, element("figcaption")));
    }
    return entries.map(([name, onClick], i) => {
      const [button, caption] = holder.children[i].children;
      Object.assign(button, { onclick: onClick, title: name });
      button.setAttribute("aria-label", name);
      Object.assign(caption, { textContent: name.replace("epoch ", ""), title: name });
      return { button, canvas: button.firstChild };
    });
  }

  goTo(epoch) {
    this.panel.setEpoch(epoch);
    this.panel.commit();
  }
}

// Images of one column, one below the other, on one canvas.
function paintColumn(canvas, pixels, run) {
  const count = pixels.length / (run.size * run.size * run.channels);
  Object.assign(canvas, { width: run.size, height: run.size * count });
  canvas.style.aspectRatio = `1 / ${count}`;
  const one = element("canvas");
  for (let i = 0; i < count; i += 1) {
    paint(one, pixels, run, i);
    canvas.getContext("2d").drawImage(one, 0, i * run.size);
  }
}

function withoutCondition(rows, { latent, classes }) {
  const width = latent + classes;
  return Float32Array.from({ length: (rows.length / width) * latent }, (_, i) => rows[Math.floor(i / latent) * width + (i % latent)]);
}

const TIME_HTML = `
  <p class="hint lead">The same z, a direction or a walk, drawn by the generator of every epoch that was kept. Click one to go there.</p>
  <div class="ways"><label>varied along <select class="along" aria-label="What is varied"></select></label></div>
  <div class="film epochs"></div>
  <div class="others" hidden><p class="hint">The same in other runs, which learned to read it in their own way:</p><div class="film"></div></div>`;
