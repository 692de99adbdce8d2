import Base

/// A model in four lines: what embeds, encodes, attends and predicts.
///
/// Written as `model:` in the params; each line is a layer's name or a mapping with `layer:` and its options. Names may
/// carry their version (`cnn.v1`); the files of models do.
public struct ModelSpec: Hashable, Sendable {
    /// How text becomes numbers.
    public enum Embed: Hashable, Sendable {
        /// Presence of n-grams, weighted by naive Bayes log-count ratios: the linear baseline (Wang & Manning 2012).
        case ngrams(n: Int, minimumCount: Int)
        /// A vector a word, made as `vectors` says.
        case words(width: Int, minimumCount: Int, maximumTokens: Int)
    }

    /// Where the vectors of words come from.
    public struct Vectors: Hashable, Sendable {
        /// Which rows of the table make a word's vector.
        public enum Source: Hashable, Sendable {
            /// One row a word, learned, or read from a file at the start of training.
            case table(file: String?)
            /// A row a word and hashed rows for its character n-grams.
            case subwords(buckets: Int, shortest: Int, longest: Int)
            /// Hashed rows for the word, its prefix, suffix and shape, mixed by maxout.
            case multihash(rows: Int, pieces: Int)
            /// One hashed row a word: no vocabulary.
            case hashed(buckets: Int)
            /// One row a piece of a word, learned; the pieces are read from a file at the start of training.
            case pieces(file: String)
            /// Pieces of words before a pretrained Transformer, read from a folder at the start of training.
            case pretrained(folder: String)
        }

        /// What a word's place adds to its vector.
        public enum Positions: String, Hashable, Sendable, CaseIterable {
            case none, learned, waves
        }

        public var source: Source
        /// Vectors (and a pretrained encoder) stay as they are.
        public var isFrozen: Bool
        public var positions: Positions
        /// Capitals are made small before words are looked up.
        public var isLowercase: Bool

        public init(
            _ source: Source = .table(file: nil), isFrozen: Bool = false, positions: Positions = .none,
            isLowercase: Bool = true
        ) {
            self.source = source
            self.isFrozen = isFrozen
            self.positions = positions
            self.isLowercase = isLowercase
        }
    }

    /// How vectors see their neighbours.
    public enum Encode: Hashable, Sendable {
        case none
        /// One convolution over a window of words, rectified, added to its input where widths agree.
        case cnn(window: Int, width: Int)
        /// Convolutions over several windows, side by side, `width` each.
        case convolutions(windows: [Int], width: Int)
        /// Maxout over `window` words on each side, added to its input, `depth` times.
        case maxout(window: Int, depth: Int, pieces: Int)
        /// A long short-term memory in both directions, `width` units each.
        case bilstm(width: Int, layers: Int = 1)
        /// Gated recurrent units in both directions, `width` units each.
        case bigru(width: Int, layers: Int = 1)
        /// Transformer blocks, normalised before each part.
        case transformer(heads: Int, layers: Int, hidden: Int)
    }

    /// How a sequence becomes one vector.
    public enum Attend: Hashable, Sendable {
        /// A learned context vector (Yang et al. 2016, equations 5 to 7).
        case context(width: Int)
        case mean
        case max
        case last
        /// Several learned weightings (Lin et al. 2017).
        case heads(width: Int, heads: Int)
        /// Words within sentences, sentences within the text (Yang et al. 2016).
        case hierarchical(width: Int)
        /// Two texts aligned word by word (Parikh et al. 2016).
        case align(width: Int)
    }

    /// What comes out.
    public struct Predict: Hashable, Sendable {
        public enum Output: String, Hashable, Sendable, CaseIterable {
            /// One of the classes.
            case softmax
            /// Each class by itself: a text may have several labels, or none.
            case sigmoid
            /// A number.
            case regression
        }

        public var output: Output
        /// Units of rectified layers before the scores.
        public var hidden: [Int]
        /// Share of the certainty that is spread over all classes in training (Szegedy et al. 2016, section 7).
        public var smoothing: Double
        /// Scores are divided by a temperature chosen on dev.
        public var isCalibrated: Bool

        public init(
            _ output: Output = .softmax, hidden: [Int] = [], smoothing: Double = 0, isCalibrated: Bool = false
        ) {
            self.output = output
            self.hidden = hidden
            self.smoothing = smoothing
            self.isCalibrated = isCalibrated
        }
    }

    public var embed: Embed
    public var vectors: Vectors
    public var encode: Encode
    public var attend: Attend
    public var predict: Predict

    public init(
        embed: Embed, vectors: Vectors = Vectors(), encode: Encode = .none, attend: Attend = .mean,
        predict: Predict = Predict()
    ) {
        self.embed = embed
        self.vectors = vectors
        self.encode = encode
        self.attend = attend
        self.predict = predict
    }

    /// Rows of hashed features, where vectors are made of such.
    package var features: FeatureTable.Kind? {
        switch vectors.source {
        case .table, .pieces, .pretrained: nil
        case .subwords(let buckets, let shortest, let longest):
            .subwords(buckets: buckets, shortest: shortest, longest: longest)
        case .multihash(let rows, let pieces): .multihash(rows: rows, pieces: pieces)
        case .hashed(let buckets): .hashed(buckets: buckets)
        }
    }
}
