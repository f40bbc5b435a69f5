"use strict";
// The page of `artkit serve`: takes an image by drop, paste or choice, asks the server, and shows what it says.

const form = document.getElementById("form");
const drop = document.getElementById("drop");
const file = document.getElementById("file");
const message = document.getElementById("status");
const shown = document.getElementById("shown");
let asked = 0;

function element(name, text, className) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
}

function tell(text, isBad) {
    message.textContent = text;
    message.classList.toggle("bad", Boolean(isBad));
}

function percent(p) {
    return `${(100 * p).toFixed(1)} %`;
}

function guess({ name, p }) {
    const row = element("li", undefined, "guess");
    const words = element("p");
    words.append(element("span", name), element("span", percent(p)));
    const track = element("div", undefined, "track");
    const bar = element("div", undefined, "bar");
    bar.style.width = `${100 * p}%`;
    track.append(bar);
    row.append(words, track);
    return row;
}

function target(answer, name) {
    const section = element("section");
    section.append(element("h2", name ? `${name}: ${answer.predicted}` : answer.predicted));
    if (answer.predicted !== answer.top[0].name) {
        section.append(element("p", "It is like none of the works that the model knows. The likeliest, all the same:", "faint"));
    }
    const list = element("ol");
    list.append(...answer.top.map(guess));
    section.append(list);
    return section;
}

function work({ file: name, similarity, classes, thumbnail }) {
    const item = element("li");
    const said = Object.values(classes).map((one) => one ?? "unknown class").join(", ");
    const picture = element("img");
    picture.src = thumbnail;
    picture.alt = `${name}, ${said}`;
    item.append(picture, element("p", said), element("p", `${name}, ${similarity.toFixed(3)}`, "faint"));
    return item;
}

function show(answer, image) {
    const others = Object.entries(answer.others ?? {}).map(([name, one]) => target(one, name));
    document.getElementById("targets").replaceChildren(target(answer, ""), ...others);
    URL.revokeObjectURL(shown.src);
    shown.src = URL.createObjectURL(image);
    document.getElementById("answer").hidden = false;
    const nearest = document.getElementById("nearest");
    if (nearest) {
        nearest.hidden = answer.nearest.length === 0;
        document.getElementById("works").replaceChildren(...answer.nearest.map(work));
    }
    const best = answer.top[0];
    tell(answer.predicted === best.name ? `${best.name}, ${percent(best.p)}` : answer.predicted);
}

function hide() {
    document.getElementById("answer").hidden = true;
    const nearest = document.getElementById("nearest");
    if (nearest) nearest.hidden = true;
}

async function ask(image) {
    const number = ++asked;
    hide();
    const most = Number(form.dataset.maxBytes);
    if (image.size > most) {
        tell(`The file has ${(image.size / 1e6).toFixed(1)} MB, the limit is ${most / 1e6} MB; choose a smaller one.`, true);
        return;
    }
    tell("Looking ...");
    try {
        const response = await fetch("predict", {
            method: "POST", body: image, headers: { "Content-Type": "application/octet-stream" },
        });
        const answer = await response.json();
        if (number !== asked) return; // another image was given in the meantime
        if (response.ok) show(answer, image);
        else tell(`${answer.error}.`, true);
    } catch {
        if (number === asked) tell("The server does not answer; try again.", true);
    }
}

function first(files) {
    if (files.length) ask(files[0]);
}

file.addEventListener("change", () => first(file.files));
form.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("paste", (event) => first(event.clipboardData.files));
document.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    first(event.dataTransfer.files);
});
document.getElementById("address").textContent = new URL("./", location.href).href;
