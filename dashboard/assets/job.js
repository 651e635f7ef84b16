// One job: what can be copied has a button, and a log that is at its end stays there.

export function refine(main) {
  for (const pre of main.querySelectorAll("pre[data-copy]")) {
    if (pre.querySelector("button") || !navigator.clipboard) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("data-own", "");
    button.onclick = async () => {
      await navigator.clipboard.writeText(pre.querySelector("code").textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    };
    pre.append(button);
  }
  const log = main.querySelector(".log");
  if (!log) return;
  if (log.dataset.end === undefined || log.dataset.end === "1") log.scrollTop = log.scrollHeight;
  log.onscroll = () => (log.dataset.end = log.scrollTop + log.clientHeight >= log.scrollHeight - 4 ? "1" : "0");
}
