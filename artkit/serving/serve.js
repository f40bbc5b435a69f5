"use strict";
// The page of `artkit serve`: takes an image by drop, paste or choice, asks the server, and shows what it says.

const TRIES = 20;
const form = document.getElementById("form");
const drop = document.getElementById("drop");
const file = document.getElementById("file");
const message = document.getElementById("status");
const shown = document.getElementById("shown");
const noPicture = document.getElementById("no-picture");
const answerPart = document.getElementById("answer");
const targetsPart = document.getElementById("targets");
const nearestPart = document.getElementById("nearest"); // null where no training works are shown
let asking = new AbortController();

function element(name, text, className) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
}

function tell(text, className) {
    message.className = className ?? "";
    message.textContent = text;
}

function percent(p) {
    if (p > 0 && p < 0.0005) return "< 0.1 %";
    return `${(100 * p).toFixed(1)} %`;
}

function isUnknown(answer) {
    return answer.is_unknown;
}

function inWords(answer, name) {
    const [best] = answer.top;
    const said = isUnknown(answer) ? `unknown; the likeliest is ${best.name}, ${percent(best.p)}` : `${best.name}, ${percent(best.p)}`;
    return name ? `${name}: ${said}` : said;
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
    const section = element("section", undefined, isUnknown(answer) ? "doubtful" : "");
    section.append(element("h2", name ? `${name}: ${answer.predicted}` : answer.predicted));
    if (isUnknown(answer)) {
        section.append(element("p", "It is too unlike what the model has learnt to be named. The likeliest, all the same:", "faint"));
    }
    const list = element("ol");
    list.append(...answer.top.map(guess));
    section.append(list);
    return section;
}

function work({ file: path, similarity, classes, thumbnail }) {
    const item = element("li");
    const picture = element("img");
    picture.src = thumbnail;
    picture.alt = ""; // what it shows stands beneath
    const said = Object.values(classes).map((one) => one ?? "unknown class").join(", ");
    const name = element("p", `${path.split("/").pop()}, ${similarity.toFixed(3)}`, "faint");
    name.title = path;
    item.append(picture, element("p", said), name);
    return item;
}

function show(answer, more) {
    const others = Object.entries(answer.others ?? {});
    const main = others.length ? form.dataset.target : "";
    const all = [[main, answer], ...others];
    targetsPart.replaceChildren(...all.map(([name, one]) => target(one, name)));
    if (nearestPart) {
        nearestPart.hidden = answer.nearest.length === 0;
        document.getElementById("works").replaceChildren(...answer.nearest.map(work));
    }
    const said = all.map(([name, one]) => inWords(one, name)).join("; ");
    tell(`${said}.${more}`, more ? "" : "heard"); // which stands beneath for all who see it
    answerPart.scrollIntoView({ block: "nearest" });
}

function preview(image) {
    URL.revokeObjectURL(shown.src);
    shown.hidden = false;
    noPicture.hidden = true;
    shown.src = URL.createObjectURL(image);
    targetsPart.replaceChildren();
    answerPart.hidden = false;
    if (nearestPart) nearestPart.hidden = true;
}

function refuse(text) {
    answerPart.hidden = true;
    if (nearestPart) nearestPart.hidden = true;
    tell(text[0].toUpperCase() + text.slice(1), "bad");
}

function pause(seconds) {
    return new Promise((go) => setTimeout(go, 1000 * seconds));
}

async function send(image, signal) {
    const headers = { "Content-Type": "application/octet-stream" };
    for (let tries = 1; ; tries++) {
        const response = await fetch("predict", { method: "POST", body: image, headers, signal });
        if (response.status !== 503 || tries === TRIES) return [response.ok, await response.json()];
        tell("Others are being answered; this image waits its turn ...");
        await pause(Number(response.headers.get("Retry-After") ?? 1));
    }
}

async function ask(image, more) {
    asking.abort(); // what was asked before is not wanted any more
    asking = new AbortController();
    const { signal } = asking;
    const most = Number(form.dataset.maxBytes);
    if (image.size > most) {
        refuse(`The file has ${(image.size / 1e6).toFixed(1)} MB, the limit is ${most / 1e6} MB; choose a smaller one.`);
        return;
    }
    preview(image);
    tell("Looking ...");
    try {
        const [isAnswer, answer] = await send(image, signal);
        if (signal.aborted) return;
        if (isAnswer) show(answer, more);
        else refuse(`${answer.error}.`);
    } catch {
        if (!signal.aborted) refuse("The server does not answer; see whether it still runs, and try again.");
    }
}

function take(given, hint) {
    const images = [...given];
    if (!images.length) {
        refuse(hint);
        return;
    }
    if (given !== file.files) file.files = images.length > 1 ? new DataTransfer().files : given; // names what is asked
    ask(images[0], images.length > 1 ? ` The first of ${images.length} files was taken.` : "");
}

shown.addEventListener("error", () => {
    shown.hidden = true;
    noPicture.hidden = false;
});
file.addEventListener("click", () => { file.value = ""; }); // so that the same file can be chosen again
file.addEventListener("change", () => { if (file.files.length) take(file.files); });
form.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("paste", (event) => {
    take(event.clipboardData?.files ?? [], "There is no image in what was pasted; copy the image itself, or save it and choose its file.");
});
document.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files, "No file was dropped; save the image, and drop its file.");
});
document.getElementById("address").textContent = new URL("./", location.href).href;
