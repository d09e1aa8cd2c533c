// Search for pages opened from the disk: browsers refuse workers there, so a hidden iframe runs the script instead.
if (location.protocol === "file:") {
  window.IFrameWorker = window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      inside.reply = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      inside.document.open();
      inside.document.write(`<!doctype html><body><script>
        window.postMessage = window.reply;
        window.importScripts = (...urls) => urls.reduce((before, src) => before.then(() => new Promise((loaded) => {
          const script = document.createElement("script");
          script.src = src;
          script.onload = loaded;
          document.body.append(script);
        })), Promise.resolve());
      <\/script><script src="${url}"><\/script></body>`);
      inside.document.close();
      this.ready = new Promise((loaded) => { this.frame.onload = loaded; });
    }

    postMessage(data) {
      const inside = this.frame.contentWindow;
      this.ready.then(() => inside.dispatchEvent(new inside.MessageEvent("message", { data })));
    }

    terminate() { this.frame.remove(); }
  };
}
