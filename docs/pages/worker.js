// Search from disk: a page opened as a file may start no worker, so what one would do is done in a frame of the page.
(function () {
  "use strict";
  if (location.protocol !== "file:") { return; }
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      var worker = this, frame = document.body.appendChild(document.createElement("iframe"));
      frame.hidden = true;
      worker.inside = frame.contentWindow;
      worker.waiting = [];
      worker.inside.postMessage = function (data) {
        var told = new MessageEvent("message", { data: data });
        worker.dispatchEvent(told);
        if (worker.onmessage) { worker.onmessage(told); }
      };
      var script = worker.inside.document.createElement("script");
      script.src = url;
      script.onload = function () { var first = worker.waiting; worker.waiting = null; first.forEach(worker.postMessage, worker); };
      worker.inside.document.body.appendChild(script);
    }
    postMessage(data) {
      if (this.waiting) { this.waiting.push(data); return; }
      this.inside.dispatchEvent(new MessageEvent("message", { data: data }));
    }
    terminate() { this.inside.frameElement.remove(); }
  };
})();
