package dev.berth.cri.service;

import dev.berth.sandbox.PodEvent;
import dev.berth.sandbox.PodEventFeed;
import java.util.concurrent.CountDownLatch;

/** Nothing ever happens. */
final class FakeEvents implements PodEventFeed {
  private final CountDownLatch never = new CountDownLatch(1);

  @Override
  public PodEvent next() throws InterruptedException {
    never.await();
    throw new IllegalStateException("it happened");
  }

  @Override
  public void close() {}
}
