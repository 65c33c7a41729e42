package dev.berth.cri.streaming;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Threads for what waits in the kernel: on a virtual thread it would pin its carrier. */
final class StreamThreads {
  private static final int KEEP_SECONDS = 10;

  static final ExecutorService POOL =
      new ThreadPoolExecutor(
          0,
          Integer.MAX_VALUE, // as many as there are streams
          KEEP_SECONDS,
          TimeUnit.SECONDS,
          new SynchronousQueue<>(),
          Thread.ofPlatform().name("berth-stream-pump-", 0).daemon().factory());

  private StreamThreads() {}
}
