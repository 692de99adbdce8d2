import Reports
import Testing

@Suite struct PercentageTests {
    @Test func `percentages are of fractions`() {
        #expect(Quantity.percentage(0.8241) == "82.4%")
        #expect(Quantity.percentage(1, decimals: 0) == "100%")
        #expect(Quantity.percentage(-0.00001) == "0.0%")
        #expect(Quantity.percentage(.nan) == "-")
    }
}
