// Turns a part of the page into what it is now, and touches nothing that has not changed: what is being typed, opened,
// selected or scrolled stays as it is.

const keep = new Set(["open", "checked", "value"]);

export function morph(root, html) {
  const changed = new Set();
  window.Idiomorph.morph(root, html, {
    morphStyle: "innerHTML",
    ignoreActiveValue: true,
    restoreFocus: true,
    callbacks: {
      // A piece marked data-own belongs to a script, or to whoever fills it in.
      beforeNodeMorphed: (from) => !(from instanceof Element && from.hasAttribute("data-own")),
      beforeNodeRemoved: (node) => !(node instanceof Element && node.hasAttribute("data-own")),
      beforeAttributeUpdated: (name, element) => !(keep.has(name) && (element.tagName === "DETAILS" || element.form)),
      afterNodeMorphed: (from, to) => {
        if (from instanceof Text && from.parentElement && from.parentElement.tagName !== "TIME") return;
        const cell = from instanceof Element && from.closest("td.n, .figures b, .state");
        if (cell && cell.dataset.was !== undefined && cell.textContent !== cell.dataset.was) changed.add(cell);
      },
    },
  });
  for (const cell of changed) {
    cell.classList.remove("changed");
    void cell.offsetWidth;
    cell.classList.add("changed");
  }
  for (const cell of root.querySelectorAll("td.n, .figures b, .state")) cell.dataset.was = cell.textContent;
}
