package dev.berth.cri.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class KeptMessagesTest {
  private record Thing(String id, int version) {}

  private final List<Thing> built = new ArrayList<>();
  private final KeptMessages<Thing, String> messages =
      new KeptMessages<>(
          Thing::id,
          (one, other) -> one.version() == other.version(),
          thing -> {
            built.add(thing);
            return thing.toString();
          });

  @Test
  void aMessageIsBuiltAgainWhenItsThingHasChanged() {
    var first = new Thing("a", 1);
    var second = new Thing("a", 2);
    assertThat(messages.of(List.of(first, new Thing("b", 1)))).hasSize(2);
    assertThat(messages.ofAll(List.of(first))).containsExactly(first.toString());
    assertThat(messages.of(List.of(second))).containsExactly(second.toString());
    assertThat(built).hasSize(3);
  }

  @Test
  void whatIsNoLongerThereIsLetGo() {
    var gone = new Thing("gone", 1);
    var stays = new Thing("stays", 1);
    assertThat(messages.ofAll(List.of(gone, stays))).hasSize(2);
    assertThat(messages.ofAll(List.of(stays))).hasSize(1);
    assertThat(messages.of(List.of(gone, stays))).hasSize(2);
    assertThat(built).containsExactly(gone, stays, gone);
  }
}
