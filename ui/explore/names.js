// What the directions are called: by what they were measured to change, once the server has measured it.

const LOOK_AGAIN = 700; // milliseconds
const TRY_AGAIN = 4000; // where the server could not say, as when it computes for too many others
const MOST_TRIES = 6;

class DirectionNames {
  constructor(panel) {
    Object.assign(this, { panel, known: new Map(), epoch: null });
  }

  // The names of the directions of an epoch; `tell` is called when there are some.
  async ask(epoch, tell) {
    this.epoch = epoch;
    const { engine } = this.panel;
    let failures = 0;
    while (!this.known.has(epoch)) {
      const found = await engine.get("effects", { epoch }).catch(() => null);
      if (engine !== this.panel.engine || epoch !== this.epoch) return;
      if (!found && (failures += 1) === MOST_TRIES) return;
      if (found?.done) this.known.set(epoch, found);
      else await new Promise((rest) => setTimeout(rest, found ? LOOK_AGAIN : TRY_AGAIN));
    }
    if (epoch !== this.epoch) return;
    this.panel.root.dataset.named = epoch;
    tell();
  }

  // As on the page: `slant`, or `direction 4` where nothing was measured (yet).
  name(number) {
    return this.known.get(this.epoch)?.names[number] ?? `direction ${number + 1}`;
  }

  // For those who hear it or choose among many: the name, and which direction it is.
  full(number) {
    const name = this.name(number);
    return name === `direction ${number + 1}` ? name : `${name} (direction ${number + 1})`;
  }

  words(number) {
    const found = this.known.get(this.epoch);
    if (!found) return "What it changes is being measured";
    return found.words[number] || "No measured change that is reliable and large enough to give it a name";
  }
}

// The options of a choice of directions, named anew.
function fillDirections(choice, panel, first = []) {
  const { value } = choice;
  const count = Math.min(panel.data.limits.directions, panel.data.run.latent);
  const own = Array.from({ length: count }, (_, i) => [i, panel.names.full(i)]);
  choice.replaceChildren(...[...first, ...own].map(([option, textContent]) => element("option", { value: option, textContent })));
  choice.value = value;
}
