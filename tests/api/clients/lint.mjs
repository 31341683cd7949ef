/* Checks an OpenAPI document with the rules of redocly.yaml; prints every problem and fails if there is one.
   Usage: node lint.mjs openapi.yaml */

import { formatProblems, getTotals, lint, loadConfig } from "@redocly/openapi-core";

const config = await loadConfig({ configPath: new URL("redocly.yaml", import.meta.url).pathname });
const problems = await lint({ ref: process.argv[2], config });
const totals = getTotals(problems);
formatProblems(problems, { format: "codeframe", totals, maxProblems: 1000, version: "" });
console.log(`${totals.errors} errors, ${totals.warnings} warnings`);
process.exitCode = totals.errors + totals.warnings ? 1 : 0;
