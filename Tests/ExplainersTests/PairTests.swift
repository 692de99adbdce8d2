import Base
import Explainers
import Testing

/// Texts of a pair: the mark between them stays, and a word stands on one side.
@Suite struct PairTests {
    private static let text = "A cat, sat.\u{1e} The cat   slept (well)!"
    /// How alike the two sides are, and a little for "well".
    private static let model = FunctionModel { text in
        let sides = text.split(separator: "\u{1e}", omittingEmptySubsequences: false).map { side in
            Set(side.split { !$0.isLetter }.map { $0.lowercased() })
        }
        guard sides.count == 2 else { return .nan }
        return 0.2 + 0.5 * Double(sides[0].intersection(sides[1]).subtracting(["..."]).count)
            + (sides[1].contains("well") ? 0.1 : 0)
    }

    @Test func `variants keep the mark, and white space is squeezed on each side`() {
        let masked = MaskedText(PairTests.text)
        #expect(masked.tokens.map(\.text) == ["A", "cat", "sat", "The", "cat", "slept", "well"])
        #expect(masked.masked(BitSet(count: 7, all: true)) == "A cat, sat\u{1e}The cat slept (well")
        #expect(masked.masked(BitSet(count: 7)) == "...\u{1e}...")
        #expect(masked.masked(BitSet(count: 7, [1, 4])) == "...cat, ...\u{1e}...cat ...")
        #expect(masked.pieces?.filter { $0.player == nil }.count == 1)
        #expect(MaskedText("a\u{1e}").masked(BitSet(count: 1)) == "...\u{1e}")
        #expect(MaskedText("\u{1e}a").masked(BitSet(count: 1)) == "\u{1e}...")
        let tree = masked.tree
        #expect(tree?.leaves == 7 && tree?.nodes.last.map { [$0.left, $0.right] } == [8, 11])
        let indexed = IndexedText(PairTests.text)
        #expect(indexed.words.map(\.text) == ["A", "cat", "sat", "The", "cat", "slept", "well"])
    }

    // Ablation hides all occurrences of a word at once, on both sides.
    @Test(arguments: ["exact", "partition", "permutation", "kernel", "lime", "occlusion", "sampling"])
    func `every method sees that both cats count`(_ name: String) throws {
        let method = try ExplainerRegistry.explainer(name, options: .init(window: 1))
        let result = try method.explain(PairTests.text, predictor: PairTests.model, target: .label("yes"))
        let values = result.words.map(\.value)
        #expect(values[1] > 0.15 && values[4] > 0.15 && abs(values[1] - values[4]) < 0.05, "\(name) \(values)")
        #expect(values[6] > 0.05 && abs(values[0]) < 0.03, "\(name) \(values)")
        if ["exact", "partition", "permutation", "kernel"].contains(name) {
            #expect(abs(result.sum - 0.6) < 1e-9)
        }
    }
}
