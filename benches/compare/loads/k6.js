// The request of the comparison, for k6, with a check of the answer's JSON. A failed check fails the run.
import http from 'k6/http';
import { check } from 'k6';

const body = __ENV.COMPARE_BODY;
const id = JSON.parse(body).id;
const params = {
  headers: {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-11-25',
  },
};

export const options = { thresholds: { checks: ['rate==1'], http_req_failed: ['rate==0'] } };

export default function () {
  check(http.post(__ENV.COMPARE_URL, body, params), {
    'is the answer': (response) => {
      const reply = response.json();
      return reply.id === id && reply.result !== undefined && reply.result.isError !== true;
    },
  });
}
