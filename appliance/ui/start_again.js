// The page loads itself again when its renderer fell over, or never began: nobody stands at a kiosk with a keyboard.
(() => {
  const FIRST_WAIT_MS = 500;
  const LONGEST_WAIT_MS = 30_000;
  const BEGINS_WITHIN_MS = 60_000;
  const REMEMBERED_MS = 600_000;
  const MOST_DOUBLINGS = 6;
  const NOTE = "cosound.starts";
  const {line, language} = COSOUND;
  let begun = false;
  let going = false;

  document.documentElement.lang = language;

  function recentStarts() {
    try {
      return JSON.parse(sessionStorage.getItem(NOTE) || "[]").filter(at => Date.now() - at < REMEMBERED_MS);
    } catch {
      return [];
    }
  }

  // Each start of the last minutes doubles what the next one waits.
  function doubled(ms) {
    return ms * 2 ** Math.min(recentStarts().length, MOST_DOUBLINGS);
  }

  function showCurtain() {
    const curtain = document.createElement("div");
    curtain.id = "curtain";
    curtain.textContent = line;
    document.body.append(curtain);
  }

  // A page that is asked for while nobody serves it would be the browser's own, which knows no way back.
  async function reload(waitMs) {
    try {
      const served = await fetch(location.href, {cache: "no-store"});
      if (!served.ok) throw new Error(`${served.status}`);
      location.reload();
    } catch {
      setTimeout(() => reload(waitMs), waitMs);
    }
  }

  function startAgain(why) {
    if (going) return;
    going = true;
    console.warn("the screen starts again:", why);
    showCurtain();
    const waitMs = Math.min(doubled(FIRST_WAIT_MS), LONGEST_WAIT_MS);
    sessionStorage.setItem(NOTE, JSON.stringify([...recentStarts(), Date.now()]));
    setTimeout(() => reload(waitMs), waitMs);
  }

  // A trap of WebAssembly leaves memory nobody can trust; any other error is one touch that did not work.
  function fell(error) {
    return error instanceof WebAssembly.RuntimeError || /^(Uncaught )?RuntimeError: /.test(String(error));
  }

  addEventListener("error", event => {
    if (event.target instanceof HTMLScriptElement) {
      if (!begun && event.target.src.startsWith(location.origin)) startAgain(`${event.target.src} did not come`);
    } else if (fell(event.error ?? event.message)) {
      startAgain(event.message);
    }
  }, true);
  addEventListener("unhandledrejection", event => {
    if (!begun || fell(event.reason)) startAgain(String(event.reason));
  });
  addEventListener("flutter-first-frame", () => { begun = true; }, {once: true});
  setTimeout(() => { if (!begun) startAgain("it did not begin"); }, doubled(BEGINS_WITHIN_MS));
})();
