import Reports
import Testing

@Suite struct QuantityTests {
    @Test func `bytes use binary units with one decimal`() {
        let cases: [(Int64, String)] = [
            (0, "0 B"), (512, "512 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_572_864, "1.5 MiB"),
            (1_048_575, "1.0 MiB"), (5_368_709_120, "5.0 GiB"), (-2048, "-2.0 KiB"), (Int64.max, "8.0 EiB"),
            (Int64.min, "-8.0 EiB"),
        ]
        for (count, text) in cases { #expect(Quantity.bytes(count) == text) }
    }

    @Test func `counts take plurals and thousands separators`() {
        #expect(Quantity.count(1, "file") == "1 file")
        #expect(Quantity.count(0, "file") == "0 files")
        #expect(Quantity.count(33530, "file") == "33,530 files")
        #expect(Quantity.count(2, "entry") == "2 entries")
        #expect(Quantity.count(2, "key") == "2 keys")
        #expect(Quantity.count(3, "batch") == "3 batches")
        #expect(Quantity.count(-1_234_567, "row") == "-1,234,567 rows")
    }

    @Test func `durations change units where the smaller one gets unreadable`() {
        let cases: [(Double, String)] = [
            (0, "0 s"), (0.0001, "<1 ms"), (0.012, "12 ms"), (0.9996, "1.0 s"), (1.2, "1.2 s"), (59.94, "59.9 s"),
            (59.96, "1 min 00 s"), (184, "3 min 04 s"), (3599.7, "1 h 00 min"), (7500, "2 h 05 min"),
            (86400 * 3 + 4 * 3600, "3 d 04 h"), (-1, "-"), (.nan, "-"), (.infinity, "-"),
        ]
        for (seconds, text) in cases { #expect(Quantity.duration(seconds) == text, "\(seconds)") }
    }

    @Test func `numbers round as Python's round does`() {
        let cases: [(Double, Int, String)] = [
            (0.712345678, 5, "0.71235"), (1e-9, 5, "0.0"), (-1e-9, 5, "0.0"), (2.675, 2, "2.67"), (0.5, 5, "0.5"),
            (3, 5, "3.0"), (-0.0316, 3, "-0.032"), (1e300, 5, "1e+300"), (.nan, 5, "nan"), (-.infinity, 5, "-inf"),
        ]
        for (value, precision, text) in cases { #expect(Quantity.number(value, precision: precision) == text) }
        #expect(Quantity.fixed(1.294, decimals: 2) == "1.29")
        #expect(Quantity.fixed(-0.001, decimals: 2) == "0.00")
        #expect(Quantity.fixed(-1.5, decimals: 2) == "-1.50")
    }
}
