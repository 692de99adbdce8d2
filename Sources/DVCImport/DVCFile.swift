import Base
import Yams
