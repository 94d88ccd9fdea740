"""Speed beside other servers, as ratios in one interleaved run: ``make bench``."""
