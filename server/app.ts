// The whole pipeline and route table on one page; no logic.
import express, { type Express } from 'express';
import { may } from './http/access.js';
import { auditRefusals } from './http/audit-refusals.js';
import { authenticate } from './http/auth.js';
import { createClientAddress } from './http/client-address.js';
import { errorHandler } from './http/error-handler.js';
import { foreignPages } from './http/foreign-pages.js';
import { rateLimits } from './http/rate-limit.js';
import { readBody, readBodyUpTo } from './http/read-body.js';
import { requestHead } from './http/request-head.js';
import { requestScope } from './http/request-scope.js';
import { securityHeaders } from './http/security-headers.js';
import { onlyMethods, unknownPath } from './http/unmatched.js';
import type { Parts } from './parts.js';
import {
  auditRoute,
  createKeyRoute,
  listKeysRoute,
  revokeKeyRoute,
  rotateKeyRoute,
  updateKeyRoute,
} from './routes/admin.js';
import { countTokensRoute, messagesRoute } from './routes/anthropic.js';
import { chatRoute } from './routes/chat.js';
import { clientStreamRoute, leaveRoute, submitRoute } from './routes/chat-jobs.js';
import { chatsRoute, eraseChatRoute, oneChatRoute } from './routes/chats.js';
import { uploadDocumentsRoute } from './routes/document-upload.js';
import {
  addDocumentsRoute,
  deleteDocumentRoute,
  documentRoute,
  listDocumentsRoute,
  searchDocumentsRoute,
} from './routes/documents.js';
import { embeddingsRoute, embedRoute, legacyEmbedRoute } from './routes/embeddings.js';
import { errorBodyOf } from './routes/error-dialect.js';
import { generateRoute } from './routes/generate.js';
import { healthRoute, livezRoute, readyzRoute } from './routes/health.js';
import { eraseExchangeRoute, exchangeRoute, historyRoute } from './routes/history.js';
import { exportRoute } from './routes/history-export.js';
import { replayRoute } from './routes/history-replay.js';
import { metricsRoute } from './routes/metrics.js';
import { ollamaChatRoute, ollamaGenerateRoute } from './routes/ollama-answer.js';
import {
  ollamaProcessesRoute,
  ollamaPullRoute,
  ollamaShowRoute,
  ollamaTagsRoute,
  ollamaUnmanagedRoute,
  ollamaVersionRoute,
} from './routes/ollama-models.js';
import { chatCompletionsRoute } from './routes/openai-chat.js';
import { completionsRoute } from './routes/openai-completions.js';
import { modelRoute, modelsRoute } from './routes/openai-models.js';
import { createResponseRoute } from './routes/openai-responses.js';
import {
  cancelResponseRoute,
  deleteResponseRoute,
  inputItemsRoute,
  retrieveResponseRoute,
} from './routes/openai-stored-responses.js';
import { leaveQueueRoute, queueEventsRoute, queueRoute } from './routes/queue.js';
import { docsAssetRoute, docsRoute, openApiRoute } from './routes/reference.js';
import { searchRoute } from './routes/search.js';
import { streamRoute } from './routes/stream.js';
import { usageRoute } from './routes/usage.js';
import { welcomeRoute } from './routes/welcome.js';

export function createApp(parts: Parts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');

  app.use(requestScope(parts.logger, createClientAddress(parts.trustedProxies), parts.observers));
  app.use(securityHeaders);
  app.use(requestHead);
  app.use(foreignPages(parts.foreignPages));
  if (parts.page !== null) app.use(parts.page.assets);
  app.use(authenticate(parts.doorkeeper, parts.limits.logins));
  app.use(rateLimits(parts.limits));

  app.route('/').all(may('open')).get(welcomeRoute(parts.version, parts.page)).all(onlyMethods('GET'));
  app.route('/health').all(may('any')).get(healthRoute(parts)).all(onlyMethods('GET'));
  app.route('/livez').all(may('open')).get(livezRoute).all(onlyMethods('GET'));
  app.route('/readyz').all(may('open')).get(readyzRoute(parts)).all(onlyMethods('GET'));
  app.route('/metrics').all(may('metrics')).get(metricsRoute(parts.metrics)).all(onlyMethods('GET'));
  app.route('/generate').all(may('generate')).post(readBody, generateRoute(parts)).all(onlyMethods('POST'));

  app.route('/v1/queue').all(may('any')).get(queueRoute(parts)).all(onlyMethods('GET'));
  app.route('/v1/queue/events').all(may('any')).get(queueEventsRoute(parts)).all(onlyMethods('GET'));
  app.route('/v1/queue/:id').all(may('any')).delete(leaveQueueRoute(parts)).all(onlyMethods('DELETE'));

  app.route('/history').all(may('history')).get(historyRoute(parts)).all(onlyMethods('GET'));
  app.route('/history/export').all(may('history')).get(exportRoute(parts)).all(onlyMethods('GET'));
  app
    .route('/history/:id')
    .all(may('history'))
    .get(exchangeRoute(parts))
    .delete(eraseExchangeRoute(parts))
    .all(onlyMethods('GET', 'DELETE'));
  app
    .route('/history/:id/replay')
    .all(may('history'), may('generate'))
    .post(readBody, replayRoute(parts))
    .all(onlyMethods('POST'));

  app.route('/chats').all(may('history')).get(chatsRoute(parts)).all(onlyMethods('GET'));
  app
    .route('/chats/:id')
    .all(may('history'))
    .get(oneChatRoute(parts))
    .delete(eraseChatRoute(parts))
    .all(onlyMethods('GET', 'DELETE'));

  app
    .route('/v1/chat/completions')
    .all(may('generate'))
    .post(readBody, chatCompletionsRoute(parts))
    .all(onlyMethods('POST'));
  app
    .route('/v1/completions')
    .all(may('generate'))
    .post(readBody, completionsRoute(parts))
    .all(onlyMethods('POST'));
  app.route('/v1/models').all(may('any')).get(modelsRoute(parts)).all(onlyMethods('GET'));
  app.route('/v1/models/*id').all(may('any')).get(modelRoute(parts)).all(onlyMethods('GET'));
  app.route('/v1/usage').all(may('any')).get(usageRoute(parts)).all(onlyMethods('GET'));
  app
    .route('/v1/embeddings')
    .all(may('embed'))
    .post(readBody, embeddingsRoute(parts))
    .all(onlyMethods('POST'));

  app.route('/api/embed').all(may('embed')).post(readBody, embedRoute(parts)).all(onlyMethods('POST'));
  app
    .route('/api/embeddings')
    .all(may('embed'))
    .post(readBody, legacyEmbedRoute(parts))
    .all(onlyMethods('POST'));

  app
    .route('/v1/responses')
    .all(may('generate'))
    .post(readBody, createResponseRoute(parts))
    .all(onlyMethods('POST'));
  app
    .route('/v1/responses/:id')
    .all(may('generate', 'other'))
    .get(retrieveResponseRoute(parts))
    .delete(deleteResponseRoute(parts))
    .all(onlyMethods('GET', 'DELETE'));
  app
    .route('/v1/responses/:id/cancel')
    .all(may('generate', 'other'))
    .post(cancelResponseRoute(parts))
    .all(onlyMethods('POST'));
  app
    .route('/v1/responses/:id/input_items')
    .all(may('generate', 'other'))
    .get(inputItemsRoute(parts))
    .all(onlyMethods('GET'));

  app
    .route('/v1/messages')
    .all(may('generate'))
    .post(readBody, messagesRoute(parts))
    .all(onlyMethods('POST'));
  app
    .route('/v1/messages/count_tokens')
    .all(may('generate', 'other'))
    .post(readBody, countTokensRoute(parts))
    .all(onlyMethods('POST'));

  app
    .route('/api/generate')
    .all(may('generate'))
    .post(readBody, ollamaGenerateRoute(parts))
    .all(onlyMethods('POST'));
  app.route('/api/chat').all(may('generate')).post(readBody, ollamaChatRoute(parts)).all(onlyMethods('POST'));
  app.route('/api/tags').all(may('any')).get(ollamaTagsRoute(parts)).all(onlyMethods('GET'));
  app.route('/api/ps').all(may('any')).get(ollamaProcessesRoute(parts)).all(onlyMethods('GET'));
  app.route('/api/show').all(may('any')).post(readBody, ollamaShowRoute(parts)).all(onlyMethods('POST'));
  app.route('/api/version').all(may('any')).get(ollamaVersionRoute).all(onlyMethods('GET'));
  app.route('/api/pull').all(may('any')).post(readBody, ollamaPullRoute(parts)).all(onlyMethods('POST'));
  app.route('/api/create').all(may('any')).post(ollamaUnmanagedRoute).all(onlyMethods('POST'));
  app.route('/api/push').all(may('any')).post(ollamaUnmanagedRoute).all(onlyMethods('POST'));
  app.route('/api/copy').all(may('any')).post(ollamaUnmanagedRoute).all(onlyMethods('POST'));
  app.route('/api/delete').all(may('any')).delete(ollamaUnmanagedRoute).all(onlyMethods('DELETE'));
  app.route('/api/blobs/:digest').all(may('any')).post(ollamaUnmanagedRoute).all(onlyMethods('POST'));

  app
    .route('/api/v1/chat/stream/:client_id')
    .all(may('generate', 'other'))
    .get(clientStreamRoute(parts))
    .delete(leaveRoute(parts))
    .all(onlyMethods('GET', 'DELETE'));
  app
    .route('/api/v1/chat/submit')
    .all(may('generate'))
    .post(readBody, submitRoute(parts))
    .all(onlyMethods('POST'));
  app.route('/api/v1/chat').all(may('generate')).post(readBody, chatRoute(parts)).all(onlyMethods('POST'));
  const readDocuments = readBodyUpTo(parts.retrieval.maxBodyBytes);
  app
    .route('/api/v1/documents/add')
    .all(may('documents:write'))
    .post(readDocuments, addDocumentsRoute(parts))
    .all(onlyMethods('POST'));
  app
    .route('/api/v1/documents/upload')
    .all(may('documents:write'))
    .post(uploadDocumentsRoute(parts))
    .all(onlyMethods('POST'));
  app
    .route('/api/v1/documents/search')
    .all(may('documents:read'))
    .get(searchDocumentsRoute(parts))
    .all(onlyMethods('GET'));
  app
    .route('/api/v1/documents')
    .all(may('documents:read'))
    .get(listDocumentsRoute(parts))
    .all(onlyMethods('GET'));
  app
    .route('/api/v1/documents/:id')
    .get(may('documents:read'), documentRoute(parts))
    .delete(may('documents:write'), deleteDocumentRoute(parts))
    .all(onlyMethods('GET', 'DELETE'));
  app.route('/api/v1/health').all(may('any')).get(healthRoute(parts)).all(onlyMethods('GET'));
  app
    .route('/admin/keys')
    .all(may('admin'))
    .get(listKeysRoute(parts.admin))
    .post(readBody, createKeyRoute(parts.admin))
    .all(onlyMethods('GET', 'POST'));
  app
    .route('/admin/keys/:id')
    .all(may('admin'))
    .patch(readBody, updateKeyRoute(parts.admin))
    .delete(revokeKeyRoute(parts.admin))
    .all(onlyMethods('PATCH', 'DELETE'));
  app
    .route('/admin/keys/:id/rotate')
    .all(may('admin'))
    .post(readBody, rotateKeyRoute(parts.admin))
    .all(onlyMethods('POST'));
  app.route('/admin/audit').all(may('admin')).get(auditRoute(parts.admin)).all(onlyMethods('GET'));
  app.route('/search').all(may('history')).get(searchRoute(parts)).all(onlyMethods('GET'));
  app.route('/stream').all(may('generate')).post(readBody, streamRoute(parts)).all(onlyMethods('POST'));

  app.route('/openapi.json').all(may('any')).get(openApiRoute(parts)).all(onlyMethods('GET'));
  app.route('/docs').all(may('open')).get(docsRoute).all(onlyMethods('GET'));
  app.route('/docs/:name').all(may('open')).get(docsAssetRoute).all(onlyMethods('GET'));

  app.use(unknownPath);
  app.use(errorHandler(errorBodyOf, auditRefusals(parts.admin.refusals)));
  return app;
}
