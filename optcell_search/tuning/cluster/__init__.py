"""The Ray cluster: connecting, looking it over, sending what workers need, noticing its end."""
