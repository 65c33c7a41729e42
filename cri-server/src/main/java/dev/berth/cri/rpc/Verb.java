package dev.berth.cri.rpc;

import dev.berth.base.Operation;

/**
 * One unary RPC.
 *
 * @param <Q> request message
 * @param <R> reply message
 */
@FunctionalInterface
public interface Verb<Q, R> {
  /**
   * Answers a request; may block.
   *
   * @param operation of this call: carries its deadline, cancellation and trace
   * @throws Exception turned into a status by {@link ErrorEdge}
   */
  R answer(Q request, Operation operation) throws Exception;
}
