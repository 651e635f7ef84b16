// Keeps each piece of the page true, until its job has ended; while the page is hidden it rests.

function show(piece, status) {
  const bar = piece.querySelector("progress");
  piece.dataset.state = status.state;
  piece.querySelector("[role=status]").textContent = status.text;
  if (status.state === "running" && !status.percent) bar.removeAttribute("value");
  else bar.value = status.state === "done" ? 100 : status.percent || 0;
  piece.dispatchEvent(new CustomEvent("status", { bubbles: true, detail: status }));
}

function follow(piece) {
  let source = null;
  let ended = false;
  const open = () => {
    if (source || ended || document.hidden) return;
    source = new EventSource(piece.dataset.url);
    source.onmessage = (e) => {
      const status = JSON.parse(e.data);
      show(piece, status);
      if (!status.ended) return;
      ended = true;
      source.close();
    };
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && source) {
      source.close();
      source = null;
    }
    open();
  });
  open();
}

for (const piece of document.querySelectorAll(".offload-status")) follow(piece);
