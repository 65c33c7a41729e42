package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.runtime.spec.IdMapping;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class IdMapsTest {
  private static final List<IdMapping> MAPS =
      List.of(new IdMapping(0, 100_000, 1000), new IdMapping(5000, 7, 1));

  @ParameterizedTest
  @CsvSource({"0,100000", "999,100999", "5000,7"})
  void idIsTranslatedByTheMapThatHoldsIt(long inside, long outside) {
    assertThat(IdMaps.toHost(MAPS, inside)).isEqualTo(outside);
  }

  @ParameterizedTest
  @CsvSource({"1000", "4999", "5001", "4294967294"})
  void idOutsideEveryMapIsRefused(long id) {
    assertThatThrownBy(() -> IdMaps.toHost(MAPS, id))
        .hasMessage("process.user: id " + id + " is not in the container's mappings");
  }

  @Test
  void withoutMapsAnIdIsTheHosts() {
    assertThat(IdMaps.toHost(List.of(), 42)).isEqualTo(42);
  }
}
