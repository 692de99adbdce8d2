import Base

/// Occlusion (Zeiler and Fergus, ECCV 2014) by a window that slides over the tokens: a token's value is the mean, over the
/// windows that cover it, of how much the probability falls when the window is hidden. As captum 0.9's `Occlusion`; the
/// last window ends with the text.
public struct Occlusion: GameExplainer {
    /// Tokens hidden at once.
    public var window: Int
    /// Tokens from one window to the next, at most `window`.
    public var stride: Int
    public var masking: Masking

    public init(window: Int = 3, stride: Int = 1, masking: Masking = .init()) {
        self.window = window
        self.stride = stride
        self.masking = masking
    }

    public var method: String { "occlusion" }
    public var settings: JSONObject { ["window": JSON(window), "stride": JSON(stride)] }
    public var isEfficient: Bool { false }

    public func solve(_ game: Game, output: Int, key: String) throws -> GameValues {
        guard window >= 1 else {
            throw MLError(.usage, "the window of 'occlusion' must hold at least 1 word, not \(window)")
        }
        guard stride >= 1, stride <= window else {
            throw MLError(
                .usage, "the stride of 'occlusion' must be 1 to \(window), not \(stride)",
                hint: "a stride above the window would leave words out")
        }
        let n = game.players
        var windows: [Range<Int>] = []
        var start = 0
        while true {
            windows.append(start..<min(start + window, n))
            if start + window >= n { break }
            start += stride
        }
        let values = try game.values(
            [game.nobody, game.everybody] + windows.map { BitSet(count: n, $0).complement }, output: output)
        var sums = [Double](repeating: 0, count: n)
        var counts = sums
        for (range, value) in zip(windows, values.dropFirst(2)) {
            for player in range {
                sums[player] += values[1] - value
                counts[player] += 1
            }
        }
        return GameValues(values: zip(sums, counts).map { $0 / $1 }, base: values[0], full: values[1])
    }
}
