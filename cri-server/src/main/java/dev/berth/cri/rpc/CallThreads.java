package dev.berth.cri.rpc;

import static com.google.common.util.concurrent.MoreExecutors.directExecutor;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallExecutorSupplier;
import java.util.Set;
import java.util.concurrent.Executor;

/** Chooses the thread of a call. */
final class CallThreads implements ServerCallExecutorSupplier {
  private final Executor verbs;
  private final Set<String> immediate;

  /**
   * @param verbs gives a thread to each call that may wait
   * @param immediate full names of the methods that never do
   */
  CallThreads(Executor verbs, Set<String> immediate) {
    this.verbs = verbs;
    this.immediate = immediate;
  }

  @Override
  public <Q, R> Executor getExecutor(ServerCall<Q, R> call, Metadata metadata) {
    return immediate.contains(call.getMethodDescriptor().getFullMethodName())
        ? directExecutor()
        : verbs;
  }
}
