package dev.berth.runtime.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IdMappingsTest {
  private static final List<IdMapping> MAPS =
      List.of(new IdMapping(0, 100_000, 1000), new IdMapping(5000, 7, 1));

  private final IdMappings mappings =
      new IdMappings(MAPS, List.of(new IdMapping(0, 300_000, 1000)));

  @ParameterizedTest
  @CsvSource({"0,100000", "999,100999", "5000,7"})
  void idIsTranslatedByTheMapThatHoldsIt(long inside, long outside) {
    assertThat(mappings.hostUid(inside)).isEqualTo(outside);
  }

  @Test
  void groupsHaveMapsOfTheirOwn() {
    assertThat(mappings.hostGid(3)).isEqualTo(300_003);
  }

  @ParameterizedTest
  @CsvSource({"1000", "4999", "5001", "4294967294"})
  void idOutsideEveryMapIsRefused(long id) {
    assertThatThrownBy(() -> mappings.hostUid(id)).hasMessageStartingWith("uid " + id + " is not");
  }

  @Test
  void withoutMapsAnIdIsTheHosts() {
    assertThat(IdMappings.NONE.hostUid(42)).isEqualTo(42);
  }

  @Test
  void mountOptionsAreReadAsTheyAreWritten() {
    assertThat(mappings.toMountOptions())
        .containsExactly("uidmap=0:100000:1000,5000:7:1", "gidmap=0:300000:1000");
    assertThat(IdMappings.ofMountOptions(mappings.toMountOptions())).isEqualTo(mappings);
    assertThat(IdMappings.ofMountOptions(List.of("index=off", "lowerdir=/a:/b")))
        .isEqualTo(IdMappings.NONE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"uidmap=", "uidmap=0:1", "uidmap=a:b:c", "uidmap=0:0:0", "gidmap=0:1:2"})
  void mountOptionsThatAreNoMappingAreRefused(String option) {
    assertThatThrownBy(() -> IdMappings.ofMountOptions(List.of(option)))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT));
  }
}
