// What makes pages comfortable. Without it everything works all the same.

import { closeAbove } from "./keys.js";
import { morph } from "./morph.js";

const body = document.body;

// Live: the page asks for its own address as a stream of events, while it is seen.
let source = null;

function listen() {
  if (source || !body.hasAttribute("data-live") || document.hidden) return;
  source = new EventSource(location.pathname + location.search);
  for (const name of ["head", "main"]) {
    source.addEventListener(name, (e) => {
      const part = document.getElementById(name);
      if (part) morph(part, e.data);
      refine();
    });
  }
}

function still() {
  if (source) source.close();
  source = null;
}

document.addEventListener("visibilitychange", () => (document.hidden ? still() : listen()));
addEventListener("pagehide", still);
addEventListener("pageshow", listen);

// Times: in the browser's zone where nobody chose one, and true as time goes by.
const units = [
  [172800, 86400, "d"],
  [7200, 3600, "h"],
  [120, 60, "min"],
  [0, 1, "s"],
];

function ago(seconds) {
  const far = Math.abs(seconds);
  if (far < 1.5) return "now";
  const [, size, unit] = units.find(([from]) => far >= from);
  const text = Math.floor(far / size) + " " + unit;
  return seconds > 0 ? text + " ago" : "in " + text;
}

// The server's clock is what times are counted by: how far the browser's is off is told by the page.
const auto = body.hasAttribute("data-zone-auto");
const exact = new Intl.DateTimeFormat("sv-SE", {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, timeZoneName: "short",
});

// refine makes a page comfortable that has just been put in place: all that is here may be done twice.
function refine() {
  if (auto) {
    for (const t of document.querySelectorAll("time")) {
      const text = exact.format(new Date(t.dateTime));
      if (t.hasAttribute("data-fixed")) t.textContent = text.slice(0, 19);
      else t.title = text;
    }
  }
  count();
  const main = document.getElementById("main");
  const own = main && main.dataset.script;
  if (own) import("./" + own + ".js").then((page) => page.refine(main, go));
}

function count() {
  if (document.hidden) return;
  const now = Date.now();
  for (const t of document.querySelectorAll("time:not([data-fixed])")) {
    const text = ago((now - new Date(t.dateTime)) / 1000);
    if (!t.title) t.title = t.textContent;
    if (t.textContent !== text) t.textContent = text;
  }
}

setInterval(count, 1000);

// Buttons: an act posts in the background, and the page that follows is put in place.
document.addEventListener("submit", async (e) => {
  const form = e.target;
  if (form.method !== "post" || form.hasAttribute("data-plain") || form.enctype === "multipart/form-data") return;
  e.preventDefault();
  const button = e.submitter;
  const data = new URLSearchParams(new FormData(form, button));
  if (button) button.disabled = true;
  try {
    await go(form.action, { method: "POST", body: data });
  } catch {
    form.setAttribute("data-plain", "");
    form.requestSubmit(button);
  } finally {
    if (button) button.disabled = false;
  }
});

async function go(url, options) {
  const answer = await fetch(url, options);
  if (!(answer.headers.get("Content-Type") || "").startsWith("text/html")) throw new Error("not a page");
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!next.getElementById("main")) throw new Error("not a page");
  still();
  closeAbove();
  const moved = answer.url !== location.href;
  if (moved) history.pushState(null, "", answer.url);
  document.title = next.title;
  for (const root of [document.documentElement, body]) {
    const to = root === body ? next.body : next.documentElement;
    for (const a of [...root.attributes]) if (!to.hasAttribute(a.name)) root.removeAttribute(a.name);
    for (const a of to.attributes) root.setAttribute(a.name, a.value);
  }
  morph(body, next.body.innerHTML);
  refine();
  if (moved) scrollTo(0, 0);
  listen();
}

addEventListener("popstate", () => location.reload());

refine();
listen();
