// Light or dark: as the system has it, or as the reader chooses here, which is remembered where that is allowed.
const themeChoice = document.getElementById("theme");
const paintings = []; // what is painted on canvases does not follow the style sheet by itself

function repaint() {
  for (const paint of paintings) paint();
}

function setTheme(value) {
  if (value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
  repaint();
}

/** The value of a colour at the moment, such as "rgb(37, 99, 168)". */
function colour(name) {
  const probe = make("span", { style: `color: var(--${name}); display: none` });
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function remembered() {
  try {
    return localStorage.getItem("artkit-colours");
  } catch {
    return null; // pages opened from a disk may not be allowed to remember
  }
}

function remember(value) {
  try {
    localStorage.setItem("artkit-colours", value);
  } catch {
    return;
  }
}

themeChoice.addEventListener("change", () => {
  setTheme(themeChoice.value);
  remember(themeChoice.value);
});
if (["light", "dark"].includes(remembered())) {
  themeChoice.value = remembered();
  setTheme(themeChoice.value);
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
// Paper is white whatever the screen is.
addEventListener("beforeprint", () => setTheme("light"));
addEventListener("afterprint", () => setTheme(themeChoice.value));
