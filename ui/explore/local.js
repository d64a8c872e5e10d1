// An engine that computes images in this browser. Until a generator is here, and where that cannot be, the server draws.

const KEPT_GENERATORS = 8;

class LocalEngine extends ServerEngine {
  constructor(run, addresses, onChange) {
    super(run);
    Object.assign(this, { addresses, onChange, generators: new Map(), trouble: "" });
    this.loading = new Latest((epoch) => this.load(epoch));
  }

  async draw(epoch, rows) {
    const generator = this.generators.get(epoch);
    if (generator) return pixelsOf(await generator.images(rows, rows.length / (this.run.latent + this.run.classes)));
    const pixels = await super.draw(epoch, rows); // first what the eye waits for
    this.loading.ask(epoch);
    return pixels;
  }

  async load(epoch) {
    if (this.trouble || this.closed || this.generators.has(epoch)) return;
    try {
      const { script, wasm } = this.addresses;
      const runtime = await openRuntime(new URL(script, document.baseURI).href, new URL(wasm, document.baseURI).href);
      const answer = await checked(await fetch(this.address("generator.onnx", { epoch })));
      const generator = await Generator.open(runtime, new Uint8Array(await answer.arrayBuffer()));
      if (this.closed) generator.close();
      else this.keep(epoch, generator);
    } catch (error) {
      if (!this.closed) this.refuse(error);
    }
  }

  keep(epoch, generator) {
    this.generators.set(epoch, generator);
    if (this.generators.size > KEPT_GENERATORS) {
      const [oldest] = this.generators.keys();
      this.generators.get(oldest).close();
      this.generators.delete(oldest);
    }
    this.onChange("browser");
  }

  refuse(error) {
    const reason = error.message.replace(/[.\s]*$/, "");
    this.trouble = `${reason}; the server draws instead, and follows the hand more slowly.`;
    this.onChange("server");
  }

  close() {
    this.closed = true;
    for (const generator of this.generators.values()) generator.close();
    this.generators.clear();
  }
}
