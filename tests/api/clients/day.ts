/* A whole day with a generated TypeScript client: project, images, answers, review, release, download.
   `./schema.js` is what openapi-typescript generates from docs/openapi.yaml. Prints the SHA-256 of the download. */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Problem = components["schemas"]["Problem"];
type Client = ReturnType<typeof clientFor>;

const PATIENCE = 60_000;
const OUTLINE = [
  [30, 10],
  [50, 20],
  [40, 40],
];
const environment = process.env as Record<string, string>;
const files = process.argv.slice(2);

function clientFor(key: string) {
  return createClient<paths>({
    baseUrl: environment.ANNOTARY_URL,
    headers: { Authorization: `Bearer ${environment[key]}` },
  });
}

async function ok<Data>(call: Promise<{ data?: Data; error?: Problem }>): Promise<NonNullable<Data>> {
  const { data, error } = await call;
  if (data === undefined || data === null) throw new Error(`refused: ${error?.detail}`);
  return data;
}

async function until<Row>(read: () => Promise<Row>, isDone: (row: Row) => boolean): Promise<Row> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const row = await read();
    if (isDone(row)) return row;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(row)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function newProject(manager: Client): Promise<string> {
  const body = {
    name: "Strays",
    classes: [{ name: "cat" }, { name: "dog" }],
    tools: ["box", "polygon"],
    policy: { answers_min: 1, answers_max: 1, gold_rate: 0, price: "0.05", currency: "EUR" },
  };
  const params = { header: { "Idempotency-Key": "project" } };
  return (await ok(manager.POST("/api/v1/projects/", { body, params }))).id;
}

async function importImages(manager: Client, project_id: string): Promise<void> {
  const form = new FormData();
  for (const path of files) {
    form.append("files", new Blob([await readFile(path)], { type: "image/jpeg" }), basename(path));
    form.append("paths", `strays/${basename(path)}`);
  }
  const path = { project_id };
  const { id } = await ok(
    manager.POST("/api/v1/projects/{project_id}/imports/", {
      params: { path, header: { "Idempotency-Key": "images" } },
      body: {},
      bodySerializer: () => form,
    }),
  );
  const read = () => ok(manager.GET("/api/v1/imports/{import_id}/", { params: { path: { import_id: id } } }));
  const report = await until(read, (row) => row.state === "done" || row.state === "failed");
  if (report.taken !== files.length) throw new Error(JSON.stringify(report));
  await ok(manager.POST("/api/v1/projects/{project_id}/batches/open/", { params: { path } }));
  await ok(manager.POST("/api/v1/projects/{project_id}/{step}/", { params: { path: { project_id, step: "open" } } }));
}

function assertPixels(content: ArrayBuffer | string): void {
  if (typeof content === "string" || new Uint8Array(content)[0] !== 0xff) throw new Error("not a JPEG file");
}

async function lookAtPixels(manager: Client, project_id: string): Promise<void> {
  const { results } = await ok(
    manager.GET("/api/v1/projects/{project_id}/images/", { params: { path: { project_id } } }),
  );
  for (const kind of ["rendition", "thumb", "release"] as const) {
    const params = { path: { image_id: results[0].id }, query: { kind } };
    const headers = { Accept: "image/*" };
    assertPixels(await ok(manager.GET("/api/v1/images/{image_id}/file/", { params, headers, parseAs: "arrayBuffer" })));
  }
}

async function answerEverything(manager: Client, worker: Client, project_id: string): Promise<void> {
  const path = { project_id };
  const { token } = await ok(
    manager.POST("/api/v1/projects/{project_id}/invitations/", { params: { path }, body: {} }),
  );
  await ok(worker.POST("/api/v1/invitations/accept/", { body: { token } }));
  const hand = await ok(worker.POST("/api/v1/projects/{project_id}/hands/", { params: { path } }));
  for (const { id } of hand.assignments) {
    const path = { assignment_id: id };
    const look = { params: { path }, headers: { Accept: "image/*" }, parseAs: "arrayBuffer" as const };
    assertPixels(await ok(worker.GET("/api/v1/assignments/{assignment_id}/image", look)));
    const box = { id: "a", class: 1, tool: "box" as const, geom: { x: 4, y: 5, w: 20, h: 30 } };
    const polygon = { id: "b", class: 2, tool: "polygon" as const, geom: { parts: [[OUTLINE]] } };
    const body = { answer: { verdict: "labels" as const, objects: [box, polygon] }, seconds: 2.5 };
    const params = { path, header: { "Idempotency-Key": `answer ${id}` } };
    await ok(worker.PUT("/api/v1/assignments/{assignment_id}/answer/", { params, body }));
  }
  const settled = await ok(worker.POST("/api/v1/hands/{hand_id}/settle/", { params: { path: { hand_id: hand.id } } }));
  if (settled.answers !== files.length) throw new Error(JSON.stringify(settled));
}

async function reviewEverything(manager: Client, project_id: string): Promise<void> {
  const read = () => ok(manager.GET("/api/v1/projects/{project_id}/labels/", { params: { path: { project_id } } }));
  const { results } = await until(read, (page) => page.results.length === files.length);
  const reviews = results.map(({ task, label_hash }) => ({ task, label_hash, verdict: "approve" as const }));
  const params = { path: { project_id }, header: { "Idempotency-Key": "review" } };
  const done = await ok(manager.POST("/api/v1/projects/{project_id}/reviews/", { params, body: { reviews } }));
  if (done.reviews.some(({ status }) => status !== 200)) throw new Error(JSON.stringify(done));
}

/* The area of a box, or the number of points of another shape: the type of `geom` follows from `tool`. */
function measureOf(object: components["schemas"]["LabelObject"]): number {
  if (object.tool === "box") return object.geom.w * object.geom.h;
  return object.tool === "polygon" ? object.geom.parts.flat(2).length : object.geom.points.length;
}

/* All answers as files, and one task and its image, found by a filter. */
async function readEverything(manager: Client, project_id: string): Promise<void> {
  const path = { project_id };
  const asText = { params: { path }, parseAs: "text" as const };
  const lines = await ok(manager.GET("/api/v1/projects/{project_id}/answers.jsonl", asText));
  const rows = (lines as string)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  if (rows.length !== files.length || rows[0].seconds !== 2.5) throw new Error(`answers: ${lines}`);
  const table = await ok(manager.GET("/api/v1/projects/{project_id}/answers.csv", asText));
  if ((table as string).trim().split("\r\n").length !== files.length + 1) throw new Error(`answers: ${table}`);
  const query = { state: "approved" as const, prefix: "strays/" };
  const { results } = await ok(manager.GET("/api/v1/projects/{project_id}/labels/", { params: { path, query } }));
  const measures = (results[0].answer.objects ?? []).map(measureOf).join();
  if (measures !== "600,3") throw new Error(JSON.stringify(results[0].answer));
  const task = await ok(manager.GET("/api/v1/tasks/{task_id}/", { params: { path: { task_id: results[0].task } } }));
  const image = await ok(manager.GET("/api/v1/images/{image_id}/", { params: { path: { image_id: task.image } } }));
  if (image.task?.id !== task.id || task.answers.length !== 1) throw new Error(JSON.stringify([task, image]));
}

async function pull(manager: Client, project_id: string): Promise<string> {
  const { id: release_id } = await ok(
    manager.POST("/api/v1/projects/{project_id}/releases/", { params: { path: { project_id } } }),
  );
  const release = () => ok(manager.GET("/api/v1/releases/{release_id}/", { params: { path: { release_id } } }));
  await until(release, (row) => row.state === "ready");
  const { id: export_id } = await ok(
    manager.POST("/api/v1/releases/{release_id}/exports/", {
      params: { path: { release_id } },
      body: { format: "coco" },
    }),
  );
  const params = { path: { export_id } };
  const row = await until(
    () => ok(manager.GET("/api/v1/exports/{export_id}/", { params })),
    ({ state }) => state === "ready",
  );
  const headers = { Accept: "application/zip" };
  const archive = await ok(
    manager.GET("/api/v1/exports/{export_id}/download", { params, headers, parseAs: "arrayBuffer" }),
  );
  const digest = createHash("sha256")
    .update(new Uint8Array(archive as unknown as ArrayBuffer))
    .digest("hex");
  if (digest !== row.sha256) throw new Error("the download is damaged");
  return digest;
}

const manager = clientFor("MANAGER_KEY");
const worker = clientFor("WORKER_KEY");
const project = await newProject(manager);
await importImages(manager, project);
await lookAtPixels(manager, project);
await answerEverything(manager, worker, project);
await reviewEverything(manager, project);
await readEverything(manager, project);
console.log(await pull(manager, project));
