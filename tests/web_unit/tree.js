// @ts-check
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of the web client. */
export const WEB = new URL('../../web/', import.meta.url);

/**
 * The paths, below web/, of all files of a folder that end so.
 * @param {string} folder
 * @param {string} ending
 */
export function filesOf(folder, ending) {
  const names = readdirSync(fileURLToPath(new URL(`${folder}/`, WEB)), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .sort();
}

/** @param {string} path below web/ */
export const textOf = (path) => readFileSync(new URL(path, WEB), 'utf8');

/**
 * The modules that a module imports at once.
 * @param {string} text
 */
export const importsOf = (text) =>
  Array.from(text.matchAll(/\b(?:from|import)\s*["']([^"']+)["']/g), ([, target]) => target);

/**
 * The paths of a module and of all that it imports at once, each once.
 * @param {string} start
 */
export function modulesFrom(start) {
  const modules = new Set([start]);
  for (const path of modules) {
    for (const target of importsOf(textOf(path))) {
      modules.add(new URL(target, new URL(path, 'web:///')).pathname.slice(1));
    }
  }
  return modules;
}
