"""The trainers of the ABAW5 and ABAW7 challenges: layouts, networks, losses, metrics. Nothing live imports them."""
