/// Which features each text has, row after row.
package struct FeatureRows: Sendable {
    package var features: [Int32] = []
    /// Row i has the places `starts[i] ..< starts[i + 1]`.
    package var starts: [Int] = [0]

    package init() {}

    package var count: Int { starts.count - 1 }

    package func range(_ row: Int) -> Range<Int> { starts[row]..<starts[row + 1] }
}
