// The whole pipeline and route table on one page; no logic.
import express, { type Express } from 'express';
import { requireApiKey } from './http/auth.js';
import { errorHandler } from './http/error-handler.js';
import { foreignPages } from './http/foreign-pages.js';
import { readBody, readBodyUpTo } from './http/read-body.js';
import { requestScope } from './http/request-scope.js';
import { onlyMethods, unknownPath } from './http/unmatched.js';
import type { Parts } from './parts.js';
import { countTokensRoute, messagesRoute } from './routes/anthropic.js';
import { chatRoute } from './routes/chat.js';
import { clientStreamRoute, leaveRoute, submitRoute } from './routes/chat-jobs.js';
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
import { docsAssetRoute, docsRoute, openApiRoute } from './routes/reference.js';
import { searchRoute } from './routes/search.js';
import { streamRoute } from './routes/stream.js';
import { welcomeRoute } from './routes/welcome.js';

export function createApp(parts: Parts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');

  app.use(requestScope(parts.logger));
  app.use(foreignPages(parts.foreignPages));
  app.use(requireApiKey(parts.apiKey));

  app.route('/').get(welcomeRoute(parts.version)).all(onlyMethods('GET'));
  app.route('/health').get(healthRoute(parts)).all(onlyMethods('GET'));
  app.route('/livez').get(livezRoute).all(onlyMethods('GET'));
  app.route('/readyz').get(readyzRoute(parts)).all(onlyMethods('GET'));
  app.route('/generate').post(readBody, generateRoute(parts)).all(onlyMethods('POST'));

  app.route('/history').get(historyRoute(parts)).all(onlyMethods('GET'));
  app.route('/history/export').get(exportRoute(parts)).all(onlyMethods('GET'));
  app
    .route('/history/:id')
    .get(exchangeRoute(parts))
    .delete(eraseExchangeRoute(parts))
    .all(onlyMethods('GET', 'DELETE'));
  app.route('/history/:id/replay').post(readBody, replayRoute(parts)).all(onlyMethods('POST'));

  app.route('/v1/chat/completions').post(readBody, chatCompletionsRoute(parts)).all(onlyMethods('POST'));
  app.route('/v1/completions').post(readBody, completionsRoute(parts)).all(onlyMethods('POST'));
  app.route('/v1/models').get(modelsRoute(parts)).all(onlyMethods('GET'));
  app.route('/v1/models/*id').get(modelRoute(parts)).all(onlyMethods('GET'));
  app.route('/v1/embeddings').post(readBody, embeddingsRoute(parts)).all(onlyMethods('POST'));

  app.route('/api/embed').post(readBody, embedRoute(parts)).all(onlyMethods('POST'));
  app.route('/api/embeddings').post(readBody, legacyEmbedRoute(parts)).all(onlyMethods('POST'));

  app.route('/v1/responses').post(readBody, createResponseRoute(parts)).all(onlyMethods('POST'));
  app
    .route('/v1/responses/:id')
    .get(retrieveResponseRoute(parts))
    .delete(deleteResponseRoute(parts))
    .all(onlyMethods('GET', 'DELETE'));
  app.route('/v1/responses/:id/cancel').post(cancelResponseRoute(parts)).all(onlyMethods('POST'));
  app.route('/v1/responses/:id/input_items').get(inputItemsRoute(parts)).all(onlyMethods('GET'));

  app.route('/v1/messages').post(readBody, messagesRoute(parts)).all(onlyMethods('POST'));
  app.route('/v1/messages/count_tokens').post(readBody, countTokensRoute(parts)).all(onlyMethods('POST'));

  app.route('/api/generate').post(readBody, ollamaGenerateRoute(parts)).all(onlyMethods('POST'));
  app.route('/api/chat').post(readBody, ollamaChatRoute(parts)).all(onlyMethods('POST'));
  app.route('/api/tags').get(ollamaTagsRoute(parts)).all(onlyMethods('GET'));
  app.route('/api/ps').get(ollamaProcessesRoute(parts)).all(onlyMethods('GET'));
  app.route('/api/show').post(readBody, ollamaShowRoute(parts)).all(onlyMethods('POST'));
  app.route('/api/version').get(ollamaVersionRoute).all(onlyMethods('GET'));
  app.route('/api/pull').post(readBody, ollamaPullRoute(parts)).all(onlyMethods('POST'));
  app.route('/api/create').post(ollamaUnmanagedRoute).all(onlyMethods('POST'));
  app.route('/api/push').post(ollamaUnmanagedRoute).all(onlyMethods('POST'));
  app.route('/api/copy').post(ollamaUnmanagedRoute).all(onlyMethods('POST'));
  app.route('/api/delete').delete(ollamaUnmanagedRoute).all(onlyMethods('DELETE'));
  app.route('/api/blobs/:digest').post(ollamaUnmanagedRoute).all(onlyMethods('POST'));

  app
    .route('/api/v1/chat/stream/:client_id')
    .get(clientStreamRoute(parts))
    .delete(leaveRoute(parts))
    .all(onlyMethods('GET', 'DELETE'));
  app.route('/api/v1/chat/submit').post(readBody, submitRoute(parts)).all(onlyMethods('POST'));
  app.route('/api/v1/chat').post(readBody, chatRoute(parts)).all(onlyMethods('POST'));
  const readDocuments = readBodyUpTo(parts.retrieval.maxBodyBytes);
  app.route('/api/v1/documents/add').post(readDocuments, addDocumentsRoute(parts)).all(onlyMethods('POST'));
  app.route('/api/v1/documents/upload').post(uploadDocumentsRoute(parts)).all(onlyMethods('POST'));
  app.route('/api/v1/documents/search').get(searchDocumentsRoute(parts)).all(onlyMethods('GET'));
  app.route('/api/v1/documents').get(listDocumentsRoute(parts)).all(onlyMethods('GET'));
  app
    .route('/api/v1/documents/:id')
    .get(documentRoute(parts))
    .delete(deleteDocumentRoute(parts))
    .all(onlyMethods('GET', 'DELETE'));
  app.route('/api/v1/health').get(healthRoute(parts)).all(onlyMethods('GET'));
  app.route('/search').get(searchRoute(parts)).all(onlyMethods('GET'));
  app.route('/stream').post(readBody, streamRoute(parts)).all(onlyMethods('POST'));

  app.route('/openapi.json').get(openApiRoute(parts)).all(onlyMethods('GET'));
  app.route('/docs').get(docsRoute).all(onlyMethods('GET'));
  app.route('/docs/:name').get(docsAssetRoute).all(onlyMethods('GET'));

  app.use(unknownPath);
  app.use(errorHandler(errorBodyOf));
  return app;
}
