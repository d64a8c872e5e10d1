// Where images come from. An engine answers `draw(epoch, rows)`: rows are z, then the condition, as float32;
// the answer is uint8 [N, C, H, W]. This one asks the server.

class ServerEngine {
  constructor(run) {
    this.run = run;
  }

  address(path, query = {}) {
    const url = new URL(`lab/runs/${encodeURIComponent(this.run.name)}/${path}`, document.baseURI);
    url.search = new URLSearchParams(Array.isArray(query) ? query : Object.entries(query));
    return url.href;
  }

  draw(epoch, rows) {
    return this.ask(epoch, rows);
  }

  // `epoch` null stands for the newest.
  async ask(epoch, rows) {
    return new Uint8Array(await (await this.send("draw", epoch === null ? {} : { epoch }, rows)).arrayBuffer());
  }

  async post(path, query, body) {
    return (await this.send(path, query, body)).json();
  }

  async send(path, query, body) {
    const headers = { "Content-Type": "application/octet-stream" };
    return checked(await fetch(this.address(path, query), { method: "POST", headers, body }));
  }

  async get(path, query) {
    return (await checked(await fetch(this.address(path, query)))).json();
  }
}

async function checked(answer) {
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Error(told.error ?? "The server did not understand this request.");
}

// Saves the file at `address` under the name that the server gives it.
async function saveFrom(address) {
  const answer = await checked(await fetch(address));
  const [, name] = /filename="(.+)"/.exec(answer.headers.get("content-disposition")) ?? [null, ""];
  const href = URL.createObjectURL(await answer.blob());
  Object.assign(document.createElement("a"), { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}

function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function floats(text) {
  return new Float32Array(bytesOf(text).buffer);
}

// Runs one request at a time; of those asked for meanwhile only the last is done.
class Latest {
  constructor(work) {
    this.work = work;
    this.busy = false;
    this.next = null;
  }

  async ask(...wish) {
    this.next = wish;
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.next) {
        const now = this.next;
        this.next = null;
        await this.work(...now);
      }
    } finally {
      this.busy = false;
    }
  }
}

// The z-space of a run: turns points (see address.js) into rows for an engine.
class LatentSpace {
  constructor(run, engine) {
    Object.assign(this, { run, engine, answers: new Map() });
  }

  remember(key, ask) {
    if (!this.answers.has(key)) {
      const answer = ask();
      answer.catch(() => this.answers.delete(key));
      this.answers.set(key, answer);
      if (this.answers.size > 200) this.answers.delete(this.answers.keys().next().value);
    }
    return this.answers.get(key);
  }

  // z and classes of the samples of a seed.
  samples(seed) {
    return this.remember(`seed ${seed}`, async () => {
      const { z, labels } = await this.engine.get("samples-of", { seed });
      return { z: floats(z), labels };
    });
  }

  // Unit vectors [k * latent] and shares of variance of an epoch's principal directions.
  directions(epoch) {
    return this.remember(`epoch ${epoch}`, async () => {
      const { vectors, shares } = await this.engine.get("space", { epoch });
      return { vectors: floats(vectors), shares };
    });
  }

  // The z that a point begins with: its own, or its sample's.
  async start(point) {
    if (point.own) return Float32Array.from(point.own, (value) => value / 100);
    const { latent } = this.run;
    const { z } = await this.samples(point.seed);
    return z.slice(point.index * latent, (point.index + 1) * latent);
  }

  // z = truncation * sample + sum of amount_i * direction_i, then the coordinates that were set.
  async z(point, epoch) {
    const { latent } = this.run;
    const z = (await this.start(point)).map((value) => (value * point.truncation) / 100);
    const moved = Object.entries(point.directions);
    if (moved.length) {
      const { vectors } = await this.directions(point.basis ?? epoch);
      for (const [number, amount] of moved) {
        for (let j = 0; j < latent; j += 1) z[j] += (amount / 100) * vectors[number * latent + j];
      }
    }
    for (const [number, value] of Object.entries(point.coordinates)) z[number] = value / 100;
    return z;
  }

  async ownDigit(point) {
    return (await this.samples(point.seed)).labels[point.index];
  }

  async condition(point) {
    const condition = new Float32Array(this.run.classes);
    if (!this.run.classes) return condition;
    const share = point.blend ? point.blend[1] / 100 : 0;
    condition[point.digit ?? (await this.ownDigit(point))] += 1 - share;
    if (point.blend) condition[point.blend[0]] += share;
    return condition;
  }

  async rows(points, epoch) {
    const width = this.run.latent + this.run.classes;
    const rows = new Float32Array(points.length * width);
    for (const [place, point] of points.entries()) {
      rows.set(await this.z(point, epoch), place * width);
      rows.set(await this.condition(point), place * width + this.run.latent);
    }
    return rows;
  }
}
