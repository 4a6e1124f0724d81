"""From a specification to a trace and its values, remembered for whoever asks again."""
