// The browser's engine in a thread of its own, so that computing never holds up the hand. It stays for the life of the
// document: another run needs its weights only.

class EngineThread {
  constructor() {
    this.waiting = new Map();
    this.last = 0;
    const source = [`const CHUNK = ${CHUNK};`, openRuntime, Generator, joinedFloats, pixelsOf, `(${engineThread})();`];
    const address = URL.createObjectURL(new Blob([source.join("\n")], { type: "text/javascript" }));
    this.worker = new Worker(address, { type: "module" });
    this.worker.onmessage = ({ data: { id, answer, trouble } }) => {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (trouble === undefined) resolve(answer);
      else reject(new Error(trouble));
    };
    this.worker.onerror = (event) => {
      event.preventDefault();
      for (const { reject } of this.waiting.values()) reject(new Error("This browser could not start the engine"));
      this.waiting.clear();
    };
  }

  static shared() {
    window.labEngineThread ??= new EngineThread();
    return window.labEngineThread;
  }

  ask(job, ...details) {
    const id = (this.last += 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, job, details });
    });
  }
}

// Runs in the thread; the functions it names stand beside it there.
function engineThread() {
  const generators = new Map();
  let runtime = null;
  let last = 0;
  const jobs = {
    async open(script, wasm, bytes) {
      runtime ??= openRuntime(script, wasm);
      const generator = await Generator.open(await runtime, bytes);
      generators.set((last += 1), generator);
      return last;
    },
    async draw(number, rows, count) {
      return pixelsOf(await generators.get(number).images(rows, count));
    },
    close(number) {
      generators.get(number)?.close();
      generators.delete(number);
    },
  };
  onmessage = async ({ data: { id, job, details } }) => {
    try {
      postMessage({ id, answer: await jobs[job](...details) });
    } catch (error) {
      postMessage({ id, trouble: error?.message ?? String(error) });
    }
  };
}
