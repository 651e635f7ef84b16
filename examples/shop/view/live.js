// Keeps what is marked with data-live true, every two seconds while the page is seen. What says data-live="done"
// doesn't change any more; what says data-live="status" has bars that stay true by themselves, and is loaded again
// when one of them has come to its end.

const every = 2000;

async function renew() {
  const old = document.querySelector('[data-live=""]');
  if (!old || document.hidden) return;
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = page.querySelector("[data-live]");
  if (now && now.innerHTML !== old.innerHTML) old.replaceWith(now);
}

setInterval(() => renew().catch(() => {}), every); // the next time may do

const said = new WeakMap(); // what a bar said before: one that was done when the page came is no news

for (const bar of document.querySelectorAll(".offload-status")) said.set(bar, bar.dataset.state);

document.addEventListener("status", (e) => {
  const was = said.get(e.target);
  said.set(e.target, e.detail.state);
  if (e.detail.ended && was !== e.detail.state && e.target.closest('[data-live="status"]')) location.reload();
});
