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
    const count = rows.length / (this.run.latent + this.run.classes);
    if (generator) return EngineThread.shared().ask("draw", generator, rows, count);
    const pixels = await super.draw(epoch, rows); // first what the eye waits for
    this.loading.ask(epoch);
    return pixels;
  }

  async load(epoch) {
    if (this.trouble || this.closed || this.generators.has(epoch)) return;
    try {
      if (typeof WebAssembly === "undefined") throw new Error("This browser has no WebAssembly");
      const [script, wasm] = [this.addresses.script, this.addresses.wasm].map((path) => new URL(path, document.baseURI).href);
      const answer = await checked(await fetch(this.address("generator.onnx", { epoch })));
      const bytes = new Uint8Array(await answer.arrayBuffer());
      const generator = await EngineThread.shared().ask("open", script, wasm, bytes);
      if (this.closed) EngineThread.shared().ask("close", generator);
      else this.keep(epoch, generator);
    } catch (error) {
      if (!this.closed) this.refuse(error);
    }
  }

  // `generator` is its number in the engine's thread.
  keep(epoch, generator) {
    this.generators.set(epoch, generator);
    if (this.generators.size > KEPT_GENERATORS) {
      const [oldest] = this.generators.keys();
      EngineThread.shared().ask("close", this.generators.get(oldest));
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
    for (const generator of this.generators.values()) EngineThread.shared().ask("close", generator);
    this.generators.clear();
  }
}
